//! What the benches share: how much is measured, the company it is measured with, and how it is told.
#![allow(dead_code, unreachable_pub, reason = "each bench uses its part of it")]

/// The one of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub mod call_path;
pub mod company;
pub mod report;
pub mod rounds;
mod scale;
pub mod server;
pub mod sql_server;

pub use scale::Scale;
