//! `ringroute contacts export`.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::api::proto::v1;
use crate::cli::connection::ServerArguments;
use crate::cli::exit::Result;
use crate::cli::screen::Screen;

/// Write contacts as a file: CSV for spreadsheets, vCard for address books
///
/// All contacts, those of a phonebook, or those that a search finds. In CSV, what a spreadsheet would take for a
/// formula has an apostrophe before it, which `import` takes away again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute contacts export > contacts.csv
  ringroute contacts export --phonebook Suppliers --format vcard --output suppliers.vcf
  ringroute contacts export müller --json | jq .contact.displayName

Exit codes: 0 written, 4 no such phonebook")]
pub(super) struct ExportArguments {
    /// Only contacts that this is part of: of a name or company, or of a number
    #[arg(default_value = "", hide_default_value = true)]
    query: String,
    /// Only contacts in this phonebook
    #[arg(long, default_value = "", hide_default_value = true)]
    phonebook: String,
    /// What kind of file
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Where to write it; standard output unless given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// RFC 4180, in UTF-8
    Csv,
    /// vCard 4.0, RFC 6350
    Vcard,
}

impl ExportArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        if self.server.json {
            return contacts_as_json(&connection, self.phonebook, self.query, screen).await;
        }
        let format = match self.format {
            Format::Csv => v1::ContactFileFormat::Csv,
            Format::Vcard => v1::ContactFileFormat::Vcard,
        };
        let request =
            v1::ExportContactsRequest { phonebook: self.phonebook, query: self.query, format: format.into() };
        let mut parts = connection.contacts().export_contacts(request).await?.into_inner();
        // Made only when there is something to write: a phonebook that does not exist leaves a file as it is.
        let cannot_write = |file: &PathBuf| format!("cannot write {}", file.display());
        let mut file = match &self.output {
            Some(path) => Some(File::create(path).with_context(|| cannot_write(path))?),
            None => None,
        };
        while let Some(v1::ExportContactsResponse { data }) = parts.message().await? {
            match (&mut file, &self.output) {
                (Some(file), Some(path)) => file.write_all(&data).with_context(|| cannot_write(path))?,
                _ => screen.bytes(&data)?,
            }
        }
        Ok(())
    }
}

/// Every contact on a line of its own.
async fn contacts_as_json(
    connection: &crate::cli::connection::Connection,
    phonebook: String,
    query: String,
    screen: &mut Screen,
) -> Result<()> {
    let mut request =
        v1::ListContactsRequest { phonebook, query, page_size: 1000, page_token: String::new() };
    loop {
        let page = connection.phonebooks().list_contacts(request.clone()).await?.into_inner();
        for contact in page.contacts {
            screen.json_line(&v1::GetContactResponse { contact: Some(contact) })?;
        }
        if page.next_page_token.is_empty() {
            return Ok(());
        }
        request.page_token = page.next_page_token;
    }
}
