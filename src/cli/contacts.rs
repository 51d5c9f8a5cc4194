//! `ringroute contacts`: list and search; add, edit and delete those of local phonebooks; files.

mod edit;
mod export;
mod import;
mod last_digits;
mod show;

use clap::{Args, Subcommand};

use super::connection::ServerArguments;
use super::exit::Result;
use super::screen::{Screen, Table};
use crate::api::proto::v1;

/// List contacts, or search them; change those of local phonebooks; import and export files
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  ringroute contacts müller                        part of a name or company
  ringroute contacts 231251                        part of a number
  ringroute contacts --phonebook Sales --limit 50
  ringroute contacts müller --json | jq '.contacts[].numbers'
  ringroute contacts show 17                       all of one, and where its calls go
  ringroute contacts add --phonebook Suppliers --company Berg --business-number '030 1234567'
  ringroute contacts import suppliers.csv --phonebook Suppliers --dry-run
  ringroute contacts export --phonebook Suppliers --format vcard > suppliers.vcf
  ringroute contacts last-digits 8                 whom would matching by 8 last digits mix up?"
)]
pub(super) struct ContactsArguments {
    #[command(subcommand)]
    command: Option<ContactsCommand>,
    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Args)]
struct ListArguments {
    /// Only contacts that this is part of: of a name or company, or of a number
    #[arg(default_value = "", hide_default_value = true)]
    query: String,
    /// Only contacts in this phonebook
    #[arg(long, default_value = "", hide_default_value = true)]
    phonebook: String,
    /// Most contacts to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Subcommand)]
enum ContactsCommand {
    Show(show::ShowArguments),
    Add(Box<edit::AddArguments>),
    Edit(Box<edit::EditArguments>),
    Delete(edit::DeleteArguments),
    Import(import::ImportArguments),
    Export(export::ExportArguments),
    LastDigits(last_digits::LastDigitsArguments),
}

impl ContactsArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self.command {
            None => self.list.run(screen).await,
            Some(ContactsCommand::Show(arguments)) => arguments.run(screen).await,
            Some(ContactsCommand::Add(arguments)) => arguments.run(screen).await,
            Some(ContactsCommand::Edit(arguments)) => arguments.run(screen).await,
            Some(ContactsCommand::Delete(arguments)) => arguments.run(screen).await,
            Some(ContactsCommand::Import(arguments)) => arguments.run(screen).await,
            Some(ContactsCommand::Export(arguments)) => arguments.run(screen).await,
            Some(ContactsCommand::LastDigits(arguments)) => arguments.run(screen).await,
        }
    }
}

impl ListArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        let request = v1::ListContactsRequest {
            phonebook: self.phonebook,
            query: self.query,
            page_size: self.limit,
            page_token: String::new(),
        };
        let answer = connection.phonebooks().list_contacts(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let mut table = Table::new(["contact", "name", "company", "phonebooks", "numbers"]);
        for contact in &answer.contacts {
            let numbers: Vec<&str> = contact.numbers.iter().map(|number| number.e164.as_str()).collect();
            table.row([
                &contact.contact_id.to_string(),
                &contact.display_name,
                &contact.company,
                &contact.phonebooks.join(", "),
                &numbers.join(", "),
            ]);
        }
        screen.table(&table)?;
        if !answer.next_page_token.is_empty() {
            eprintln!("there are more: raise --limit, or search for something");
        }
        Ok(())
    }
}
