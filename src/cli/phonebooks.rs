//! `ringroute phonebooks`: list; create, rename and delete local ones.

use clap::{Args, Subcommand};

use super::calls;
use super::connection::{Connection, ServerArguments};
use super::exit::Result;
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1;

/// Most items that are asked for at once.
const PAGE: u32 = 1000;

/// List the phonebooks; create, rename and delete local ones
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  ringroute phonebooks
  ringroute phonebooks --json | jq -r '.phonebooks[].name'
  ringroute phonebooks create Suppliers
  ringroute contacts import suppliers.csv --phonebook Suppliers
  ringroute phonebooks rename Suppliers Vendors"
)]
pub(super) struct PhonebooksArguments {
    #[command(subcommand)]
    command: Option<PhonebooksCommand>,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Subcommand)]
enum PhonebooksCommand {
    Create(CreateArguments),
    Rename(RenameArguments),
    Delete(DeleteArguments),
}

/// Make a local phonebook, empty
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute phonebooks create Suppliers")]
struct CreateArguments {
    /// Its name
    name: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// Give a local phonebook another name; inbound routes that name it follow
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute phonebooks rename Suppliers Vendors")]
struct RenameArguments {
    /// Its name
    name: String,
    /// Its new name
    new_name: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// Delete a local phonebook, or one that a source left empty
///
/// The latter is one that a source made by the value of a property which none of its rows has any more. Inbound routes
/// may go on naming it: nobody is in it then.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute phonebooks delete Suppliers
  ringroute phonebooks delete Suppliers --with-contacts

Exit codes: 0 deleted, 4 no such phonebook, 5 refused: it has contacts, a source fills it, or is
being synchronised")]
struct DeleteArguments {
    /// Its name
    name: String,
    /// Its contacts go with it, unless they are in another phonebook too
    #[arg(long)]
    with_contacts: bool,
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
        match self.command {
            None => {
                let connection = self.server.connect().await?;
                if self.server.json {
                    screen.json(&all(&connection).await?)
                } else {
                    list(&connection, screen).await
                }
            }
            Some(PhonebooksCommand::Create(arguments)) => arguments.run(screen).await,
            Some(PhonebooksCommand::Rename(arguments)) => arguments.run(screen).await,
            Some(PhonebooksCommand::Delete(arguments)) => arguments.run(screen).await,
        }
    }
}

impl CreateArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let mut phonebooks = self.server.connect().await?.phonebooks();
        let request = v1::CreatePhonebookRequest { name: self.name };
        let answer = phonebooks.create_phonebook(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let phonebook = answer.phonebook.unwrap_or_default();
        screen.line(words::on_one_line(&format!("phonebook {:?} is there, and empty", phonebook.name)))
    }
}

impl RenameArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let mut phonebooks = self.server.connect().await?.phonebooks();
        let request = v1::UpdatePhonebookRequest { name: self.name.clone(), new_name: self.new_name };
        let answer = phonebooks.update_phonebook(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let phonebook = answer.phonebook.unwrap_or_default();
        screen.line(words::on_one_line(&format!("phonebook {:?} is now {:?}", self.name, phonebook.name)))
    }
}

impl DeleteArguments {
    async fn run(self, screen: &mut Screen) -> Result<()> {
        let mut phonebooks = self.server.connect().await?.phonebooks();
        let request =
            v1::DeletePhonebookRequest { name: self.name.clone(), delete_contacts: self.with_contacts };
        let answer = phonebooks.delete_phonebook(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let contacts = words::counted(answer.contact_count, "contact");
        screen.line(words::on_one_line(&format!("phonebook {:?} is deleted, with {contacts}", self.name)))
    }
}
