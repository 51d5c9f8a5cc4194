//! Ringroute answers one question while a phone is ringing: who is calling, which team's phonebook are
//! they in, and so where does this call go?
//!
//! # The flow
//!
//! Contacts live in the company's own database. A [`source`] streams the rows of one, as text of the columns
//! that the settings map to contact fields. A [`sync`] pass turns rows into contacts ([`phone_number`] makes
//! what people write comparable), compares them with what is known, and comes to a plan that a guard believes
//! or refuses. The [`store`] writes the plan, in one transaction; from what was written, an [`index`] of all
//! contacts by number is built and verified before that transaction commits. Index and inbound routes together
//! are a [`snapshot`], and the newest one is what every call is answered from: [`matching`] says who calls,
//! [`routing`] says where the call goes, and why.
//!
//! The [`engine`] wires these rooms together. The [`scheduler`] starts the runs that are due, the [`notifier`] tells
//! what they came to, [`traces`] tells those who follow calls and runs from program to program, and the doors call the
//! engine: gRPC in [`api`], the web [`console`], the commands in [`cli`], a whole process in [`app`]. [`demo`] is a
//! company to try it with.
//!
//! # What holds throughout
//!
//! * No I/O, lock or SQL on the path of a call; one load of the snapshot, and everything from that.
//! * Whatever fails before a commit changes nothing; what was committed can be served.
//! * Data flows one way: each room imports only rooms to its left (`tests/layering.rs`).

pub mod access;
pub mod account;
pub mod api;
pub mod app;
pub mod audit;
pub mod background;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod contact;
pub mod contact_file;
pub mod demo;
pub mod directory;
pub mod engine;
pub mod generation;
pub mod index;
pub mod listening;
pub mod matching;
pub mod notifier;
pub mod pem;
pub mod phone_number;
pub mod phonebook;
pub mod routing;
pub mod scheduler;
pub mod sealed_file;
pub mod secret;
pub mod settings;
pub mod snapshot;
pub mod source;
pub mod spreadsheet;
pub mod store;
pub mod sync;
pub mod toml_document;
pub mod traces;
