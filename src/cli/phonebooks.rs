//! `ringroute phonebooks` and `ringroute contacts`.

use clap::{Args, Subcommand};

use super::calls;
use super::connection::{Connection, ServerArguments};
use super::exit::Result;
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1;

/// Most items that are asked for at once.
const PAGE: u32 = 1000;

/// List the phonebooks, or delete one that is empty
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  ringroute phonebooks                             the same as `phonebooks list`
  ringroute phonebooks delete Support"
)]
pub(super) struct PhonebooksArguments {
    #[command(subcommand)]
    command: Option<PhonebooksCommand>,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Subcommand)]
enum PhonebooksCommand {
    List(ListArguments),
    Delete(DeleteArguments),
}

/// List the phonebooks
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute phonebooks list
  ringroute phonebooks list --json | jq -r '.phonebooks[].name'")]
struct ListArguments {
    #[command(flatten)]
    server: ServerArguments,
}

/// Delete a phonebook that is empty
///
/// A local one, or one that a source made by the value of a property which none of its rows has any more. Inbound routes
/// may go on naming it: nobody is in it then.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute phonebooks delete Support

Exit codes: 0 deleted, 2 a source is to fill it, 4 no such phonebook, 5 refused: it has contacts, a source fills it, or
is being synchronised")]
struct DeleteArguments {
    /// Name of the phonebook
    name: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// List contacts, or search them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute contacts müller                        part of a name or company
  ringroute contacts 231251                        part of a number
  ringroute contacts --phonebook Sales --limit 50
  ringroute contacts müller --json | jq '.contacts[].numbers'")]
pub(super) struct ContactsArguments {
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

/// Every phonebook.
async fn all(connection: &Connection) -> Result<v1::ListPhonebooksResponse> {
    let mut all = v1::ListPhonebooksResponse::default();
    loop {
        let page_token = std::mem::take(&mut all.next_page_token);
        let request = v1::ListPhonebooksRequest { page_size: PAGE, page_token };
        let page = connection.phonebooks().list_phonebooks(request).await?.into_inner();
        all.phonebooks.extend(page.phonebooks);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        all.next_page_token = page.next_page_token;
    }
}

/// Prints every phonebook.
pub(super) async fn list(connection: &Connection, screen: &mut Screen) -> Result<()> {
    let mut table = Table::new(["phonebook", "contacts", "filled by", "last synchronised"]);
    for phonebook in &all(connection).await?.phonebooks {
        table.row([
            &phonebook.name,
            &words::count(phonebook.contact_count),
            calls::source(&phonebook.source),
            &words::time(phonebook.last_synced_at.as_ref()),
        ]);
    }
    screen.table(&table)
}

impl PhonebooksArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let server = match self.command {
            None => self.server,
            Some(PhonebooksCommand::List(ListArguments { server })) => server,
            Some(PhonebooksCommand::Delete(DeleteArguments { name, server })) => {
                let connection = server.connect().await?;
                let request = v1::DeletePhonebookRequest { name: name.clone() };
                let answer = connection.phonebooks().delete_phonebook(request).await?.into_inner();
                if server.json {
                    return screen.json(&answer);
                }
                return screen.line(format!("Phonebook {} was deleted.", words::on_one_line(&name)));
            }
        };
        let connection = server.connect().await?;
        if server.json { screen.json(&all(&connection).await?) } else { list(&connection, screen).await }
    }
}

impl ContactsArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
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
