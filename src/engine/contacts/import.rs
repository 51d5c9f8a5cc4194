//! Contacts of a CSV file, into a local phonebook: the rules that hold for the rows of a source, and whole or not
//! at all.
//!
//! A first pass reads and checks every row and sets the good ones aside in a file without a name; only when the
//! file is worth believing is anything written. A contact that the phonebook has already, field by field, is not
//! added again, so a file can be imported twice.

mod columns;

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Seek as _};

use super::{check_limit, own_phonebook};
use crate::audit::AuditAction;
use crate::contact::ContactId;
use crate::engine::publishing::Touched;
use crate::engine::{Edited, Editor, Engine, EngineError};
use crate::phone_number::Region;
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::source::csv_file::{CsvFile, Line, guess_delimiter};
use crate::source::rows::{Field, Projection, RowBatch, RowProblem};
use crate::spreadsheet;
use crate::sync::{Preparation, ProblemKind, Staged, StagedContacts, SyncError};

/// Largest file, in bytes: some hundred bytes for each of half a million contacts.
pub const MAX_IMPORT_BYTES: u64 = 128 << 20;

/// Most problems that are told; all of them are counted.
pub const MAX_IMPORT_PROBLEMS: usize = 1000;

/// The share of rejected rows beyond which nothing is imported, in percent.
pub const DEFAULT_MAX_REJECTED_PERCENT: u8 = 10;

/// Of the beginning of a file, what is looked at to find out what stands between two values, in bytes.
const LOOKED_AT: u64 = 16 * 1024;

/// How a file is to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// The local phonebook that the contacts go to.
    pub phonebook: PhonebookName,
    /// What columns are, by their name in the first line; `None` leaves one out. The others are guessed by their
    /// names.
    pub columns: Vec<(String, Option<Field>)>,
    /// What stands between two values; `None` finds out.
    pub delimiter: Option<char>,
    /// The region of numbers that are not written internationally; `None`: that of the settings.
    pub region: Option<Region>,
    /// Nothing is imported when more than this share of the rows is rejected: in percent, 0 to 100. 100 takes
    /// whatever is good.
    pub max_rejected_percent: u8,
    /// Everything is checked and told, and nothing imported.
    pub dry_run: bool,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// What each column was taken for, in their order.
    pub columns: Vec<ImportColumn>,
    /// How many rows the file has.
    pub rows: u64,
    /// Contacts that were added.
    pub added: u64,
    /// Rows whose contact is in the phonebook already, or was in an earlier row.
    pub already_there: u64,
    /// Rows that are no usable contact.
    pub rejected: u64,
    /// Numbers that are none; their contacts were taken without them.
    pub dropped_numbers: u64,
    /// The first [`MAX_IMPORT_PROBLEMS`].
    pub problems: Vec<ImportProblem>,
    /// Why nothing was imported; `None` when it was, or would be.
    pub refusal: Option<String>,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportColumn {
    /// Its name in the first line.
    pub name: String,
    /// What it was taken for; `None`: left out.
    pub field: Option<Field>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProblem {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    /// The column at fault; empty when it is the row as a whole.
    pub column: String,
    /// What was found there, at most 64 characters of it.
    pub value: String,
    /// Why it is a problem, and what was expected.
    pub reason: String,
    /// The contact was taken without this number; otherwise the row was left out.
    pub is_number_only: bool,
}

/// A file that was read and checked.
struct Checked {
    imported: Imported,
    staged: StagedContacts,
}

impl Engine {
    /// A file without a name, in the data folder, for what is to be imported.
    pub fn import_file(&self) -> Result<File, EngineError> {
        Ok(tempfile::tempfile_in(&self.data_folder).map_err(SyncError::Staging)?)
    }
}

impl Editor<'_> {
    /// Imports a file, from its beginning on. Blocks, for some seconds when it is large.
    pub fn import_contacts(
        &self,
        file: File,
        options: &ImportOptions,
    ) -> Result<Edited<Imported>, EngineError> {
        let (settings, phonebook) = self.read(|reading| {
            let settings = reading.settings()?;
            let phonebook = own_phonebook(reading, &settings, &options.phonebook)?;
            Ok::<_, EngineError>((settings, phonebook))
        })?;
        let region = options.region.or(settings.numbers.default_region);
        let mut checked = self.check_file(file, options, region)?;
        if options.dry_run {
            return self.try_import(checked, options);
        }
        if checked.imported.refusal.is_some() {
            return Ok(Edited { value: checked.imported, generation: self.generation() });
        }
        self.edit_contacts(AuditAction::Added, |change, settings| {
            // It may have been filled or deleted since.
            let phonebook = own_phonebook(change, settings, &phonebook.name)?;
            let added = write(change, phonebook.id, &mut checked)?;
            check_limit(change, settings)?;
            let touched = if added.is_empty() { Touched::Nothing } else { Touched::Contacts(added) };
            Ok((checked.imported, touched))
        })
    }
}

impl Engine {
    fn try_import(
        &self,
        mut checked: Checked,
        options: &ImportOptions,
    ) -> Result<Edited<Imported>, EngineError> {
        if checked.imported.refusal.is_none() {
            self.store.try_out(|change| {
                let settings = change.settings()?;
                let phonebook = own_phonebook(change, &settings, &options.phonebook)?;
                write(change, phonebook.id, &mut checked)?;
                check_limit(change, &settings)
            })?;
        }
        Ok(Edited { value: checked.imported, generation: self.generation() })
    }

    /// Reads and checks every row.
    fn check_file(
        &self,
        mut file: File,
        options: &ImportOptions,
        region: Option<Region>,
    ) -> Result<Checked, EngineError> {
        let bad = |problem: String| EngineError::BadRequest { field: "file".into(), problem };
        let broken = |error: std::io::Error| EngineError::Sync(SyncError::Staging(error));
        if options.max_rejected_percent > 100 {
            return Err(EngineError::BadRequest {
                field: "max_rejected_percent".into(),
                problem: format!("is {}; 0 to 100 are allowed", options.max_rejected_percent),
            });
        }
        file.rewind().map_err(broken)?;
        let delimiter = match options.delimiter {
            Some(delimiter) => delimiter,
            None => {
                let mut beginning = Vec::new();
                (&file).take(LOOKED_AT).read_to_end(&mut beginning).map_err(broken)?;
                guess_delimiter(&beginning)
            }
        };
        file.rewind().map_err(broken)?;
        let mut csv = CsvFile::open(file, delimiter).map_err(bad)?;
        let columns = columns::assign(csv.header(), &options.columns)?;
        let projection: Vec<(usize, Field, String)> = columns
            .iter()
            .enumerate()
            .filter_map(|(place, column)| Some((place, column.field?, column.name.clone())))
            .collect();
        let preparation = Preparation {
            projection: Projection::of(
                projection.iter().map(|(_, field, name)| (*field, name.clone())).collect(),
            ),
            region,
            blank_property: None,
        };
        let mut checked = Checked {
            imported: Imported { columns, ..Imported::default() },
            staged: StagedContacts::new(&self.data_folder).map_err(broken)?,
        };
        loop {
            let mut batch = RowBatch::new(projection.len());
            while !batch.is_full() {
                let Some(Line { number, record }) = csv.next_line().map_err(bad)? else { break };
                batch.begin_row(number);
                match record {
                    Err(reason) => batch.mark_bad(RowProblem { column: None, reason }),
                    Ok(record) => {
                        for (place, _, name) in &projection {
                            let value = record.get(*place).unwrap_or_default();
                            batch.push_bytes(name, spreadsheet::original(value));
                        }
                    }
                }
            }
            if batch.is_empty() {
                break;
            }
            checked.take(&preparation, &batch).map_err(broken)?;
        }
        checked.imported.refusal = refusal(&checked.imported, options);
        Ok(checked)
    }
}

impl Checked {
    fn take(&mut self, preparation: &Preparation, batch: &RowBatch) -> std::io::Result<()> {
        for row in batch.rows() {
            let imported = &mut self.imported;
            imported.rows += 1;
            let (prepared, problems) = match preparation.entry(&row) {
                Ok((digest, details, dropped)) => (Some((digest, details)), dropped),
                Err(problem) => (None, vec![*problem]),
            };
            match &prepared {
                Some(_) => imported.dropped_numbers += problems.len() as u64,
                None => imported.rejected += 1,
            }
            let room = MAX_IMPORT_PROBLEMS.saturating_sub(imported.problems.len());
            imported.problems.extend(problems.into_iter().take(room).map(|problem| ImportProblem {
                line: problem.position,
                column: problem.column,
                value: problem.value,
                reason: problem.reason,
                is_number_only: problem.kind == ProblemKind::NumberDropped,
            }));
            if let Some((digest, details)) = prepared {
                self.staged.push(&Staged {
                    id: None,
                    phonebook: 0,
                    digest,
                    row: None,
                    source_key: String::new(),
                    details,
                })?;
            }
        }
        Ok(())
    }
}

/// Why nothing of a file is imported.
fn refusal(imported: &Imported, options: &ImportOptions) -> Option<String> {
    let Imported { rows, rejected, .. } = *imported;
    if rows == 0 {
        return Some("the file has no rows below its first line, which names the columns".to_owned());
    }
    let percent = u64::from(options.max_rejected_percent);
    if rejected * 100 > rows * percent {
        return Some(format!(
            "{rejected} of {rows} rows were rejected, more than the {percent} % that are allowed; nothing was \
             imported. Put the rows right, or allow more"
        ));
    }
    None
}

/// Adds what was set aside and is not there yet.
fn write(
    change: &crate::store::Change<'_>,
    phonebook: PhonebookId,
    checked: &mut Checked,
) -> Result<Vec<ContactId>, EngineError> {
    let mut known: HashSet<_> = change.digests_in(phonebook)?;
    let mut contacts = change.local_contacts(phonebook)?;
    let mut added = Vec::new();
    for staged in checked.staged.read_back().map_err(SyncError::Staging)? {
        let staged = staged.map_err(SyncError::Staging)?;
        if known.insert(staged.digest) {
            added.push(contacts.add(staged.digest, &staged.details)?);
        } else {
            checked.imported.already_there += 1;
        }
    }
    checked.imported.added = added.len() as u64;
    Ok(added)
}
