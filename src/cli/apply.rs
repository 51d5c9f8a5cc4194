//! `ringroute apply` and `ringroute export`: all settings as one document.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use tonic::Status;

use super::check;
use super::connection::ServerArguments;
use super::exit::{Exit, Failure, Result};
use super::screen::Screen;
use super::words;
use crate::api::proto::v1::{self, SettingsChangeKind, SourceContacts};
use crate::settings::MAX_DOCUMENT_BYTES;

/// Make the settings what a document says: sources, phonebooks, trunks, inbound routes
///
/// What the document does not have is removed. All or nothing: a document that is wrong changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute apply -f settings.toml --dry-run       say what would change
  ringroute apply -f settings.toml
  ringroute export | sed s/6400/6500/ | ringroute apply -f -
  ringroute apply -f settings.toml --removed-sources keep
  ringroute apply -f settings.toml --disabled-sources remove

Exit codes: 0 applied, 2 the document is wrong, 5 refused, as when a source that has contacts would go")]
pub(super) struct ApplyArguments {
    /// The document, in TOML; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Only say what would change
    #[arg(long)]
    dry_run: bool,
    /// What becomes of the contacts of sources that the document does not have; without it such a source is
    /// removed only when it has none
    #[arg(long, value_name = "WHAT")]
    removed_sources: Option<LeftContacts>,
    /// What becomes of the contacts of sources that are off in the document; without it they stay as they are,
    /// the source's
    #[arg(long, value_name = "WHAT")]
    disabled_sources: Option<LeftContacts>,
    #[command(flatten)]
    server: ServerArguments,
}

/// What becomes of contacts without their source.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum LeftContacts {
    /// They stay, as local contacts
    Keep,
    /// They are removed
    Remove,
}

impl LeftContacts {
    pub(super) fn to_proto(this: Option<Self>) -> i32 {
        let contacts = match this {
            None => SourceContacts::Unspecified,
            Some(LeftContacts::Keep) => SourceContacts::KeepAsLocal,
            Some(LeftContacts::Remove) => SourceContacts::Remove,
        };
        contacts.into()
    }

    /// A refusal; one that asks what is to become of contacts says by which option it is said.
    pub(super) fn refusal(status: &Status, option: &str) -> Failure {
        let how = match status.message().contains("say whether to keep them") {
            true => format!("\n  {option} keep, or {option} remove"),
            false => String::new(),
        };
        Status::new(status.code(), format!("{}{how}", status.message())).into()
    }
}

/// Print the settings as a document that `apply` takes
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute export > settings.toml
  ringroute export | diff settings.toml -")]
pub(super) struct ExportArguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// Reads a document; `-` is standard input.
pub(super) fn read_document(file: &Path) -> Result<String> {
    let limit = MAX_DOCUMENT_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let (name, read) = match file.to_str() {
        Some("-") => ("standard input".into(), std::io::stdin().take(limit).read_to_end(&mut bytes)),
        _ => {
            let read = std::fs::File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes));
            (file.display().to_string(), read)
        }
    };
    read.with_context(|| format!("cannot read {name}"))?;
    if bytes.len() > MAX_DOCUMENT_BYTES {
        return Err(Failure::new(
            Exit::Usage,
            format!("{name} has more than {MAX_DOCUMENT_BYTES} bytes: that is no settings document"),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        Failure::new(Exit::Usage, format!("{name} is not UTF-8 at byte {place}: save it in that encoding"))
    })
}

impl ApplyArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let document = read_document(&self.file)?;
        let request = v1::ApplySettingsRequest {
            document,
            dry_run: self.dry_run,
            removed_source_contacts: LeftContacts::to_proto(self.removed_sources),
            disabled_source_contacts: LeftContacts::to_proto(self.disabled_sources),
        };
        let connection = self.server.connect().await?;
        let answer = connection.settings().apply_settings(request).await;
        let answer =
            answer.map_err(|refused| LeftContacts::refusal(&refused, "--removed-sources"))?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        difference(screen, &answer.changes)?;
        for warning in &answer.source_warnings {
            screen.line(format!("note: {}", words::on_one_line(warning)))?;
        }
        for v1::RouteWarning { route, kind: _, message } in &answer.warnings {
            let subject = check::subject(route);
            screen.line(words::on_one_line(&format!("warning {subject}: {message}")))?;
        }
        let generation = answer.generation;
        let changes = words::counted(answer.changes.len() as u64, "change");
        screen.line(match (answer.changes.len(), self.dry_run) {
            (0, _) => format!("No difference; generation {generation} is served."),
            (_, true) => format!("{changes} would be made; nothing was changed (--dry-run)."),
            (_, false) => format!("{changes} made; generation {generation} is served."),
        })
    }
}

fn difference(screen: &mut Screen, changes: &[v1::SettingsChange]) -> Result<()> {
    for change in changes {
        let subject = words::on_one_line(&change.subject);
        let line = match change.kind() {
            SettingsChangeKind::Added => screen.good(format!("+ {subject}")),
            SettingsChangeKind::Removed => screen.bad(format!("- {subject}")),
            SettingsChangeKind::Changed | SettingsChangeKind::Unspecified => format!("~ {subject}"),
        };
        screen.line(line)?;
        for detail in &change.details {
            screen.line(format!("    {}", words::on_one_line(detail)))?;
        }
    }
    Ok(())
}

impl ExportArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        let answer = connection.settings().export_settings(v1::ExportSettingsRequest {}).await?.into_inner();
        if self.server.json { screen.json(&answer) } else { screen.raw(&answer.document) }
    }
}
