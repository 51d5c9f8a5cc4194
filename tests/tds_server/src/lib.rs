//! A Microsoft SQL Server for tests: real TDS 7.4 (and TDS 8) over real sockets, which *executes* the SQL that it is
//! sent, on SQLite in memory, and can be told to misbehave.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! use tds_test_server::{Fault, Server, When};
//!
//! let server = Server::start()?;
//! server.run("ringroute", "CREATE TABLE [dbo].[contacts] ([id] int NOT NULL PRIMARY KEY)")?;
//! server.faults().add(When::contains("contacts"), Fault::CloseAtRow(100));
//! println!("{}", server.connection_string());
//! # Ok(())
//! # }
//! ```
//!
//! From the socket inwards: `connection` speaks the protocol (`packet`, `prelogin`, `tls`, `login`, `request`,
//! `token`, `wire`); `tsql` makes T-SQL SQLite's SQL; `engine` has the databases, the sessions and the rights.
//! Nothing that a client sends may end the server: what is odd is answered with an error, or the connection ends.

mod browser;
mod bytes;
mod certificate;
mod collation;
mod connection;
mod convert;
mod decimal;
mod engine;
mod faults;
mod hex;
mod login;
mod moment;
mod packet;
mod prelogin;
mod request;
mod script;
mod server;
mod sql_type;
mod statistics;
mod tls;
mod token;
mod tsql;
mod wire;

pub use certificate::CertificateKind;
pub use faults::{ConnectFault, Fault, Faults, When};
pub use login::Login;
pub use prelogin::{Encrypted, Encryption};
pub use script::batches;
pub use server::{Options, Server};
pub use token::ServerMessage;
