//! Arguments -> subcommand -> exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ringroute::cli::run(std::env::args_os())
}
