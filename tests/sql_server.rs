//! SQL Server as a source, from the T-SQL that makes the tables to the contact that is matched.
//!
//! Tests with `sql_server` in their names need no misbehaviour: they run on the TDS server of the test support,
//! or, unchanged, on the server that `RINGROUTE_TEST_MSSQL` names (an ADO.NET connection string to a database in
//! which schemas and tables may be made). The others are about a server that misbehaves, and bring their own.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(clippy::panic, reason = "a test may stop at the first surprise")]
#![expect(unreachable_pub, reason = "the modules of one program")]

#[path = "sql_server/company.rs"]
mod company;
#[path = "sql_server/connecting.rs"]
mod connecting;
#[path = "sql_server/database.rs"]
mod database;
#[path = "sql_server/doors.rs"]
mod doors;
#[path = "sql_server/faults.rs"]
mod faults;
#[path = "sql_server/names.rs"]
mod names;
#[path = "sql_server/reading.rs"]
mod reading;
#[path = "support/mod.rs"]
mod support;
#[path = "sql_server/syncing.rs"]
mod syncing;
#[path = "sql_server/types.rs"]
mod types;
