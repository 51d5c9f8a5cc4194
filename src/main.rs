//! Arguments -> subcommand -> exit code; nothing else.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Chosen by measurement; see `benches/README.md`.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ringroute::cli::run(std::env::args_os())
}
