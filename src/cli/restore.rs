//! `ringroute restore`: a backup in the place of what is stored.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::backup::{about, failure};
use super::exit::{Exit, Failure, Result};
use super::screen::Screen;
use super::words;
use crate::api::grpc;
use crate::engine::{self, BackupError, EngineError, Restored};
use crate::store::StoreError;

/// Put a backup in the place of what a data folder has
///
/// No server may have the folder open: stop it first. The backup is checked as far as a start would before anything is
/// touched: every byte, the store in it, and whether calls can be answered from it. Then it takes the place of the
/// store as a whole, or not at all; the store of before is kept beside it. The next start serves what was restored, as
/// a new generation. Sign-ins to the console end; tokens are again those of the backup's time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sudo systemctl stop ringroute
  sudo -u ringroute ringroute restore nightly.backup --data-folder /var/lib/ringroute
  sudo systemctl start ringroute

On another machine: install ringroute, write its ringroute.toml, then the same.

Exit codes: 0 restored, 1 not restored: the message says why, and nothing was changed")]
pub(super) struct RestoreArguments {
    /// The backup
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where the store is; made when it is not there
    #[arg(long, value_name = "FOLDER")]
    data_folder: PathBuf,
    /// Print what was done as JSON
    #[arg(long)]
    json: bool,
}

impl RestoreArguments {
    pub(super) fn run(self, screen: &mut Screen) -> Result<()> {
        let restored = engine::restore(&self.file, &self.data_folder).map_err(|error| match error {
            BackupError::Engine(EngineError::Store(error @ StoreError::InUse { .. })) => {
                Failure::new(Exit::Failed, format!("{error}. Nothing was changed"))
            }
            error => failure(error),
        })?;
        let Restored { content, generation, kept, missing_secrets } = restored;
        if self.json {
            let missing: Vec<_> = missing_secrets
                .iter()
                .map(|secret| json!({ "source": secret.source, "field": secret.field }))
                .collect();
            let told = json!({
                "generation": generation.0.to_string(),
                "backupGeneration": content.generation.0.to_string(),
                "takenAt": content.taken_at.to_string(),
                "contacts": content.contacts.to_string(),
                "kept": kept.map(|kept| kept.display().to_string()),
                "missingSecrets": missing,
            });
            return screen.line(format!("{told:#}"));
        }
        screen.line(format!("{} is restored.", self.file.display()))?;
        screen.line(about(&grpc::backup_to_proto(&content)))?;
        screen.line(format!("The next start serves it as generation {generation}."))?;
        if let Some(kept) = kept {
            screen.line(format!(
                "The store of before is kept as {}: remove it when nobody needs it any more.",
                kept.display()
            ))?;
        }
        for secret in missing_secrets {
            screen.line(format!(
                "Missing: {} of source {}, which was typed in and is in no backup of a server. Type it in again \
                 before its next run.",
                secret.field,
                words::argument(&secret.source)
            ))?;
        }
        Ok(())
    }
}
