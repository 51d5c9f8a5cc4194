//! `ringroute backup`: everything that is stored, as one file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Exit, Failure, Result};
use super::screen::Screen;
use super::token::{PlaceArguments, offline};
use super::words;
use crate::api::grpc;
use crate::api::proto::v1;
use crate::api::proto::v1::take_backup_response::Part;
use crate::engine::{self, BackupError};
use crate::sealed_file::{WholeFile, folder_of};

/// Take a backup of everything that is stored, while it is in use; or check one
///
/// The file is there whole or not at all, for its own user alone, and never takes the place of another one unless
/// told to. Contacts are in it, as they are in the store. From a server it has no passwords that were typed into
/// settings (env: and file: are in it as they are written); with --data-folder, which takes leave to read that folder,
/// it has them. The server's own configuration (ringroute.toml, certificates) is not in it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute backup ringroute-2026-11-24.backup
  ringroute backup /srv/backups/ringroute-$(date +%F).backup --token file:/etc/ringroute/backup.token
  ringroute backup nightly.backup --overwrite
  sudo -u ringroute ringroute backup all.backup --data-folder /var/lib/ringroute   with typed-in passwords
  ringroute backup nightly.backup --verify                                         does it hold?

It is put back with `ringroute restore`.

Exit codes: 0 taken (with --verify: it can be restored), 1 it could not be (with --verify: nor can this one be
restored), 3 no server is reachable, 5 refused: there is such a file already, or the token's role is not admin")]
pub(super) struct BackupArguments {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Take the place of a file of that name
    #[arg(long)]
    overwrite: bool,
    /// Check the backup in FILE, as far as a restore and a start would, and change nothing
    #[arg(long, conflicts_with_all = ["overwrite", "data_folder"])]
    verify: bool,
    #[command(flatten)]
    place: PlaceArguments,
}

impl BackupArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        if self.verify {
            let backup = grpc::backup_to_proto(&engine::verify_backup(&self.file).map_err(failure)?);
            if self.place.server.json {
                return screen.json(&backup);
            }
            screen.line(format!("{} is whole, and can be restored.", self.file.display()))?;
            return tell(screen, &backup);
        }
        self.check_place()?;
        let file = WholeFile::begin(&self.file).map_err(|error| self.cannot_write(&error))?;
        let (file, backup) = match &self.place.data_folder {
            Some(folder) => self.of_folder(folder, file)?,
            None => self.of_server(file).await?,
        };
        file.put(self.overwrite).map_err(|error| self.cannot_write(&error))?;
        if self.place.server.json {
            return screen.json(&backup);
        }
        screen.line(format!("{} is written.", self.file.display()))?;
        tell(screen, &backup)
    }

    /// Before anything is asked for.
    fn check_place(&self) -> Result<()> {
        let refused =
            |problem: &str| Failure::new(Exit::Refused, format!("{}: {problem}", self.file.display()));
        // It would be replaced, and not written to.
        match self.file.symlink_metadata() {
            Ok(there) if there.is_dir() => Err(refused("is a folder; name a file in it")),
            Ok(there) if !there.is_file() => Err(refused("is no ordinary file; name another one")),
            Ok(_) if !self.overwrite => {
                Err(refused("is there already; choose another name, or say --overwrite"))
            }
            _ => Ok(()),
        }
    }

    fn cannot_write(&self, error: &std::io::Error) -> Failure {
        let exit = match error.kind() {
            std::io::ErrorKind::AlreadyExists => Exit::Refused,
            _ => Exit::Failed,
        };
        Failure::new(exit, format!("{} cannot be written: {error}", self.file.display()))
    }

    async fn of_server(&self, mut file: WholeFile) -> Result<(WholeFile, v1::Backup)> {
        let mut backups = self.place.server.connect().await?.backups();
        let mut parts = backups.take_backup(v1::TakeBackupRequest {}).await?.into_inner();
        let mut backup = None;
        while let Some(v1::TakeBackupResponse { part }) = parts.message().await? {
            match part {
                Some(Part::Backup(about)) => backup = Some(about),
                Some(Part::Data(data)) => {
                    file.as_file().write_all(&data).map_err(|error| self.cannot_write(&error))?;
                }
                None => {}
            }
        }
        // What came is looked at, not what was sent.
        engine::check_seal(file.unfinished()).map_err(|error| {
            Failure::new(
                Exit::Failed,
                format!("the backup did not arrive whole, so none is written: {error}"),
            )
        })?;
        Ok((file, backup.unwrap_or_default()))
    }

    fn of_folder(&self, data_folder: &Path, mut file: WholeFile) -> Result<(WholeFile, v1::Backup)> {
        let taken = engine::take_backup_of_folder(data_folder, folder_of(&self.file)).map_err(failure)?;
        let backup = grpc::backup_to_proto(taken.content());
        taken.write_to(file.as_file()).map_err(|error| self.cannot_write(&error))?;
        Ok((file, backup))
    }
}

/// The exit codes that the same gives when a server is asked.
pub(super) fn failure(error: BackupError) -> Failure {
    match error {
        BackupError::Engine(error) => offline(error),
        error => Failure::new(Exit::Failed, error.to_string()),
    }
}

fn tell(screen: &mut Screen, backup: &v1::Backup) -> Result<()> {
    screen.line(about(backup))?;
    for secret in &backup.left_out_secrets {
        screen.line(format!(
            "Not in it: {} of source {}, which was typed in.",
            secret.field,
            words::argument(&secret.source)
        ))?;
    }
    Ok(())
}

/// What is in a backup, in a line.
pub(super) fn about(backup: &v1::Backup) -> String {
    format!(
        "Generation {} as of {}: {} in {}, {}, {}; ringroute {}, schema {}.",
        backup.generation,
        words::time(backup.taken_at.as_ref()),
        words::counted(backup.contacts, "contact"),
        words::counted(backup.phonebooks, "phonebook"),
        words::counted(backup.sources, "source"),
        words::counted(backup.inbound_routes, "inbound route"),
        backup.program,
        backup.schema
    )
}
