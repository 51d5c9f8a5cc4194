//! `ringroute contacts import`.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::api::proto::v1;
use crate::api::proto::v1::import_contacts_request::Part;
use crate::cli::connection::ServerArguments;
use crate::cli::exit::{Exit, Failure, Result};
use crate::cli::screen::{Screen, Table};
use crate::cli::words;

/// Bytes that are sent at a time.
const PIECE_BYTES: usize = 256 * 1024;

/// Import the contacts of a CSV file into a local phonebook
///
/// The first line names the columns; what they are is guessed by their names, or said with --column. Numbers are
/// made comparable by the rules of a synchronisation. Whole or not at all: when too many rows are wrong, nothing is
/// imported. Contacts that the phonebook has already are not added again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute contacts import suppliers.csv --phonebook Suppliers --dry-run
  ringroute contacts import suppliers.csv --phonebook Suppliers
  ringroute contacts import list.csv --phonebook Suppliers --column Firma=company --column Notiz=
  ringroute contacts import list.csv --phonebook Suppliers --max-rejected 100 --json | jq .problems

Exit codes: 0 imported, 2 the file or its columns cannot be read, 4 no such phonebook, 5 refused: too many rows are
wrong, or there would be too many contacts")]
pub(super) struct ImportArguments {
    /// The file, CSV in UTF-8; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The local phonebook that the contacts go to
    #[arg(long, value_name = "NAME")]
    phonebook: String,
    /// What a column is: its name, = and a field such as last_name, company, mobile_number; nothing behind the = leaves
    /// it out. Can be said several times
    #[arg(long = "column", value_name = "COLUMN=FIELD", value_parser = column)]
    columns: Vec<v1::ImportColumn>,
    /// What stands between two values; found out unless given
    #[arg(long, value_name = "SIGN", default_value = "", hide_default_value = true)]
    delimiter: String,
    /// The region of numbers that are not written internationally, such as DE; that of the settings unless given. They
    /// stay what they are read as now
    #[arg(long, default_value = "", hide_default_value = true)]
    region: String,
    /// Import nothing when more than this share of the rows is wrong; 100 takes whatever is good
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=100))]
    max_rejected: u32,
    /// Only say what would be imported, and what is wrong
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: ServerArguments,
}

fn column(text: &str) -> std::result::Result<v1::ImportColumn, String> {
    // A column's name may have an equals sign in it, a field has none.
    let (name, field) = text.rsplit_once('=').ok_or("expected COLUMN=FIELD, such as Firma=company")?;
    Ok(v1::ImportColumn { name: name.to_owned(), field: field.to_owned() })
}

impl ImportArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let (mut file, name): (Box<dyn Read + Send>, _) = match self.file.to_str() {
            Some("-") => (Box::new(std::io::stdin()), "standard input".to_owned()),
            _ => {
                let name = self.file.display().to_string();
                let file = std::fs::File::open(&self.file).with_context(|| format!("cannot read {name}"))?;
                (Box::new(file), name)
            }
        };
        let mut client = self.server.connect().await?.contacts();
        let options = v1::ImportOptions {
            phonebook: self.phonebook,
            columns: self.columns,
            delimiter: self.delimiter,
            region: self.region,
            max_rejected_percent: Some(self.max_rejected),
            dry_run: self.dry_run,
        };
        let (parts, stream) = mpsc::channel(4);
        let reading = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
            let mut next = Some(Part::Options(options));
            while let Some(part) = next.take() {
                // The server has heard enough; what it says comes below.
                if parts.blocking_send(v1::ImportContactsRequest { part: Some(part) }).is_err() {
                    return Ok(());
                }
                let mut data = Vec::with_capacity(PIECE_BYTES);
                let read = (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut data)?;
                next = (read > 0).then_some(Part::Data(data));
            }
            Ok(())
        });
        let answer = client.import_contacts(ReceiverStream::new(stream)).await;
        // A file that could not be read ends the stream early: what came of that is not told as a result.
        reading.await.map_err(anyhow::Error::from)?.with_context(|| format!("cannot read {name}"))?;
        let answer = answer?.into_inner();
        if self.server.json {
            screen.json(&answer)?;
        } else {
            tell(screen, &answer, self.dry_run)?;
        }
        if answer.refusal.is_empty() { Ok(()) } else { Err(Failure::new(Exit::Refused, answer.refusal)) }
    }
}

fn tell(screen: &mut Screen, answer: &v1::ImportContactsResponse, is_trial: bool) -> Result<()> {
    let mut table = Table::new(["column", "is"]);
    for column in &answer.columns {
        table.row([column.name.as_str(), if column.field.is_empty() { "(left out)" } else { &column.field }]);
    }
    screen.table(&table)?;
    if !answer.problems.is_empty() {
        screen.line("")?;
        let mut table = Table::new(["line", "column", "value", "what is wrong"]);
        for problem in &answer.problems {
            let what = if problem.is_number_only { "the contact is taken without it" } else { "left out" };
            table.row([
                problem.line.to_string().as_str(),
                &problem.column,
                &problem.value,
                &format!("{}; {what}", problem.reason),
            ]);
        }
        screen.table(&table)?;
    }
    screen.line("")?;
    if answer.refusal.is_empty() {
        let would = if is_trial { "would be added; nothing was changed (--dry-run)" } else { "added" };
        screen.line(format!("{} {would}", words::counted(answer.added_count, "contact")))?;
    }
    screen.line(format!(
        "{}, {} there already, {} rejected, {} left out",
        words::counted(answer.row_count, "row"),
        words::count(answer.already_there_count),
        words::count(answer.rejected_count),
        words::counted(answer.dropped_number_count, "number"),
    ))
}
