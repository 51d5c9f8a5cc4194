//! What the program's own benches have, of which this uses a part.
#![allow(dead_code, unreachable_pub, reason = "each bench uses its part of it")]

#[path = "../../support/company.rs"]
pub mod company;
#[path = "../../support/report.rs"]
pub mod report;
#[path = "../../support/rounds.rs"]
pub mod rounds;
#[path = "../../support/scale.rs"]
mod scale;
#[path = "../../support/server.rs"]
pub mod server;

pub use scale::Scale;
