//! The server by hand.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tds_test_server::{CertificateKind, ConnectFault, Encryption, Options, Server};

/// A Microsoft SQL Server for tests: speaks TDS, executes T-SQL on SQLite in memory, forgets everything when it ends.
///
/// Not for anything that matters: it understands the T-SQL that Ringroute and its examples use, and little more.
#[derive(Debug, Parser)]
#[command(
    name = "tds-test-server",
    version,
    after_help = "Example:\n  tds-test-server --listen 127.0.0.1:14330 --script examples/sql-server/create-example.sql\n\n\
                  A client that checks certificates is given the CA file that is printed at the start."
)]
struct Arguments {
    /// Address and port to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1433")]
    listen: SocketAddr,

    /// T-SQL to run at the start, as the administrator; lines that say GO part batches. May be given several times.
    #[arg(long, value_name = "FILE")]
    script: Vec<PathBuf>,

    /// The administrator's login.
    #[arg(long, value_name = "NAME", default_value = "sa")]
    user: String,

    /// The administrator's password.
    #[arg(long, value_name = "PASSWORD", default_value = "Test-Server-1")]
    password: String,

    /// A database that is there at the start. May be given several times; scripts begin in the first.
    #[arg(long, value_name = "NAME", default_value = "ringroute")]
    database: Vec<String>,

    /// What the server does about TLS.
    #[arg(long, value_enum, default_value_t = Tls::Optional)]
    encryption: Tls,

    /// A name or address that the certificate is for. May be given several times.
    #[arg(long, value_name = "HOST", default_values = ["localhost", "127.0.0.1"])]
    host: Vec<String>,

    /// The named instance that the server is.
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,

    /// Where SQL Server Browser answers for the instance (clients ask UDP port 1434).
    #[arg(long, value_name = "ADDRESS", requires = "instance")]
    browser: Option<SocketAddr>,

    /// Write the CA's certificate to this file too.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Accept connections and never answer, to see what a client does.
    #[arg(long)]
    never_answer: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Tls {
    /// None at all.
    NotSupported,
    /// As the client wishes.
    Optional,
    /// For everything, whatever the client wishes.
    Required,
    /// Before anything else (TDS 8), and nothing but that.
    Strict,
}

impl From<Tls> for Encryption {
    fn from(tls: Tls) -> Self {
        match tls {
            Tls::NotSupported => Self::NotSupported,
            Tls::Optional => Self::Optional,
            Tls::Required => Self::Required,
            Tls::Strict => Self::Strict,
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let first_database = arguments.database.first().cloned().unwrap_or_else(|| "master".to_owned());
    let server = Server::with(Options {
        listen: arguments.listen,
        encryption: arguments.encryption.into(),
        certificate: CertificateKind { names: arguments.host, ..CertificateKind::default() },
        user: arguments.user,
        password: arguments.password,
        databases: arguments.database,
        instance: arguments.instance,
        ..Options::default()
    })
    .map_err(|error| format!("cannot listen on {}: {error}", arguments.listen))?;
    for script in &arguments.script {
        let text =
            std::fs::read_to_string(script).map_err(|error| format!("{}: {error}", script.display()))?;
        server.run(&first_database, &text).map_err(|error| format!("{}: {error}", script.display()))?;
        println!("ran {}", script.display());
    }
    if let Some(copy) = &arguments.ca_file {
        std::fs::copy(server.ca_file(), copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    }
    if let Some(address) = arguments.browser {
        let address =
            server.browser(address).map_err(|error| format!("cannot answer at UDP {address}: {error}"))?;
        println!("SQL Server Browser answers at {address} (UDP)");
    }
    if arguments.never_answer {
        server.faults().connect(ConnectFault::NeverAnswer);
    }
    println!("TDS test server listens on {}", server.address());
    println!("CA file: {}", arguments.ca_file.as_deref().unwrap_or_else(|| server.ca_file()).display());
    println!("Press Ctrl-C to stop.");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(tokio::signal::ctrl_c())?;
    Ok(())
}
