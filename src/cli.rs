//! The command line: `serve`, `demo` and `check`, and the clients of a running server.
//!
//! Results go to standard output, progress and errors to standard error. Every command ends with an exit
//! code that a script can go by (see `exit`). A client command translates its arguments to one or two gRPC
//! calls and the answer to text, and decides nothing.

mod admin;
mod apply;
mod audit;
mod backup;
mod calls;
mod check;
mod connection;
mod contacts;
mod decisions;
mod demo;
mod directory;
mod exit;
mod extensions;
mod history;
mod json;
mod notify;
mod phonebooks;
mod preview;
mod progress;
mod quality;
mod report;
mod restore;
mod screen;
mod serve;
mod sources;
mod spreadsheet;
mod status;
mod sync;
mod token;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use exit::{Exit, Failure, Result};
use screen::Screen;

/// Who is calling, which team's phonebook are they in, and so where does this call go?
///
/// Ringroute keeps phonebooks in step with the company's own database and answers a call handler's
/// questions from memory, over gRPC. `ringroute demo` shows all of it on a company made up for the purpose.
#[derive(Debug, Parser)]
#[command(name = "ringroute", version, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  ringroute demo                                   see it work; nothing is needed
  ringroute serve --data-folder /var/lib/ringroute
  ringroute status                                 is all well, and if not, what is to be done?
  ringroute apply -f settings.toml --dry-run       what would change?
  ringroute sync run crm                           synchronise now
  ringroute match '030 1234567'                    who is that?
  ringroute route '030 1234567' --did +493023125000 --explain

Exit codes:
    0  done (for `match` and `route`: there is an answer, whatever it is)
    1  failed: the message says why, and what to do
    2  wrong usage: an argument, or a value in it, cannot be
    3  no server is reachable, or it has nothing to answer from yet
    4  what was named does not exist
    5  refused: by the guard of a sync run, or because of the state that things are in
  130  interrupted with Ctrl-C";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArguments),
    Serve(serve::ServeArguments),
    Status(status::StatusArguments),
    Check(check::CheckArguments),
    Apply(apply::ApplyArguments),
    Export(apply::ExportArguments),
    Audit(audit::AuditArguments),
    Backup(backup::BackupArguments),
    Restore(restore::RestoreArguments),
    #[command(subcommand)]
    Sync(sync::SyncCommand),
    Sources(sources::SourcesArguments),
    #[command(subcommand)]
    Notify(notify::NotifyCommand),
    Match(calls::MatchArguments),
    Route(calls::RouteArguments),
    Decisions(decisions::DecisionsArguments),
    #[command(subcommand)]
    Directory(directory::DirectoryCommand),
    Extensions(extensions::ExtensionsArguments),
    Phonebooks(phonebooks::PhonebooksArguments),
    Contacts(contacts::ContactsArguments),
    #[command(subcommand)]
    Token(token::TokenCommand),
    #[command(subcommand)]
    Admin(admin::AdminCommand),
}

/// Does what the arguments say. Their first is the name of the program.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match parse(arguments) {
        Ok(arguments) => arguments.command,
        Err(help_or_error) => {
            // Whoever closed the pipe does not want to read it.
            let _ = help_or_error.print();
            return if help_or_error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let done = tokio::runtime::Runtime::new().map_err(Failure::from).and_then(|runtime| {
        let done = runtime.block_on(execute(command, &mut Screen::stdout()));
        // What a server could not end in time is not waited for a second time.
        runtime.shutdown_background();
        done
    });
    match done {
        Ok(()) => Exit::Done.into(),
        Err(failure) => failure.tell(),
    }
}

fn parse(arguments: impl IntoIterator<Item = OsString>) -> std::result::Result<Arguments, clap::Error> {
    let mut command = without_empty_variables(Arguments::command());
    let mut matches = command.try_get_matches_from_mut(arguments)?;
    Arguments::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// A variable that is set to nothing is as good as one that is not set: what starts containers leaves such.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let without = |argument: clap::Arg| match argument.get_env().and_then(std::env::var_os) {
        Some(value) if value.is_empty() => argument.env(Resettable::Reset),
        _ => argument,
    };
    command.mut_args(without).mut_subcommands(without_empty_variables)
}

async fn execute(command: Command, screen: &mut Screen) -> Result<()> {
    match command {
        Command::Demo(arguments) => arguments.run(screen).await,
        Command::Serve(arguments) => arguments.run(screen).await,
        Command::Status(arguments) => arguments.run(screen).await,
        Command::Check(arguments) => arguments.run(screen),
        Command::Apply(arguments) => arguments.run(screen).await,
        Command::Export(arguments) => arguments.run(screen).await,
        Command::Audit(arguments) => arguments.run(screen).await,
        Command::Backup(arguments) => arguments.run(screen).await,
        Command::Restore(arguments) => arguments.run(screen),
        Command::Sync(command) => command.run(screen).await,
        Command::Sources(arguments) => arguments.run(screen).await,
        Command::Notify(command) => command.run(screen).await,
        Command::Match(arguments) => arguments.run(screen).await,
        Command::Route(arguments) => arguments.run(screen).await,
        Command::Decisions(arguments) => arguments.run(screen).await,
        Command::Directory(command) => command.run(screen).await,
        Command::Extensions(arguments) => arguments.run(screen).await,
        Command::Phonebooks(arguments) => arguments.run(screen).await,
        Command::Contacts(arguments) => arguments.run(screen).await,
        Command::Token(command) => command.run(screen).await,
        Command::Admin(command) => command.run(screen).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        fn check(command: &clap::Command) {
            for command in command.get_subcommands() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Examples:") || command.has_subcommands(), "{}", command.get_name());
                assert!(command.get_about().is_some(), "{}", command.get_name());
                check(command);
            }
        }
        check(&Arguments::command());
    }
}
