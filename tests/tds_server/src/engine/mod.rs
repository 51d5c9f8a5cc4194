//! The engine: databases, and sessions that execute batches in them.

mod alterations;
pub(crate) mod attention;
pub(crate) mod catalogue;
mod changes;
mod core;
mod database;
mod definitions;
pub(crate) mod errors;
pub(crate) mod functions;
pub(crate) mod output;
mod procedures;
mod results;
mod rights;
mod session;
mod tables;
mod transactions;
mod working;

pub(crate) use self::core::{Core, KnownLogin, LoginRefused};
pub(crate) use self::session::{Request, Session, changed_database};
