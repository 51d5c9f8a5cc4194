//! `ringroute directory`: what an extension sees, and which clients may look.

use clap::{Args, Subcommand, ValueEnum};

use super::connection::ServerArguments;
use super::exit::Result;
use super::extensions::{directory_settings, update};
use super::screen::{Screen, Table};
use super::words;
use crate::api::proto::v1;

/// Most items that are asked for at once.
const PAGE: u32 = 1000;

/// See the company's contacts as an extension sees them
///
/// An extension sees the contacts of the phonebooks that are granted to it; see `ringroute extensions`.
#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    Phonebooks(PhonebooksArguments),
    Contacts(ContactsArguments),
    Show(ShowArguments),
    Lookup(LookupArguments),
    Clients(ClientsArguments),
}

/// Who asks.
#[derive(Debug, Args)]
struct Asking {
    /// The extension
    extension: String,
    /// The client that it uses, such as linkus_ios/5.7.3; none is named unless given
    #[arg(long, value_name = "PLATFORM/VERSION", value_parser = client)]
    client: Option<v1::DirectoryClient>,
    #[command(flatten)]
    server: ServerArguments,
}

fn client(text: &str) -> std::result::Result<v1::DirectoryClient, String> {
    let (platform, version) =
        text.split_once('/').ok_or("a platform and a version are expected, such as linkus_ios/5.7.3")?;
    Ok(v1::DirectoryClient { platform: platform.to_owned(), version: version.to_owned() })
}

/// List the phonebooks that an extension sees
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute directory phonebooks 1001
  ringroute directory phonebooks 1001 --json | jq -r '.phonebooks[].name'")]
pub(super) struct PhonebooksArguments {
    #[command(flatten)]
    asking: Asking,
}

/// List the contacts that an extension sees, or search them, by name
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute directory contacts 1001
  ringroute directory contacts 1001 'müller bosch'   words, each part of a name, company, email or number
  ringroute directory contacts 1001 '030 9018'       any part of a number
  ringroute directory contacts 1001 --phonebook Sales --limit 100
  ringroute directory contacts 1001 ada --json | jq -r '.contacts[].numbers[].number'

Exit codes: 4 there is no such extension, or it sees no such phonebook; 5 the extension is off, or the client too old")]
pub(super) struct ContactsArguments {
    #[command(flatten)]
    asking: Asking,
    /// Only contacts that this fits
    #[arg(default_value = "", hide_default_value = true)]
    query: String,
    /// Only contacts in this phonebook
    #[arg(long, default_value = "", hide_default_value = true)]
    phonebook: String,
    /// Most contacts to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

/// Show a contact with all its numbers
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute directory show 1001 42

Exit codes: 4 there is no such extension, or it sees no such contact")]
pub(super) struct ShowArguments {
    #[command(flatten)]
    asking: Asking,
    /// Number of the contact
    contact: u64,
}

/// Who has a number, among the contacts that an extension sees?
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute directory lookup 1001 '+49 30 901820'")]
pub(super) struct LookupArguments {
    #[command(flatten)]
    asking: Asking,
    /// The number, in any form
    number: String,
}

/// See which clients may use the directory, or change it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute directory clients
  ringroute directory clients --minimum linkus_ios=5.8 --minimum desk_phone=1.0
  ringroute directory clients --minimum linkus_mac=0      any version may
  ringroute directory clients --unnamed refused           requests have to name a client")]
pub(super) struct ClientsArguments {
    /// The oldest version of a platform that may; can be repeated
    #[arg(long, value_name = "PLATFORM=VERSION", value_parser = minimum)]
    minimum: Vec<v1::MinimumVersion>,
    /// What becomes of requests that name no client
    #[arg(long, value_name = "WHAT")]
    unnamed: Option<Unnamed>,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Unnamed {
    /// They are answered
    Allowed,
    /// They are refused
    Refused,
}

fn minimum(text: &str) -> std::result::Result<v1::MinimumVersion, String> {
    let (platform, version) =
        text.split_once('=').ok_or("a platform and a version are expected, such as linkus_ios=5.7.3")?;
    Ok(v1::MinimumVersion { platform: platform.to_owned(), version: version.to_owned() })
}

impl DirectoryCommand {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        match self {
            DirectoryCommand::Phonebooks(arguments) => phonebooks(arguments.asking, screen).await,
            DirectoryCommand::Contacts(arguments) => contacts(arguments, screen).await,
            DirectoryCommand::Show(arguments) => show(arguments, screen).await,
            DirectoryCommand::Lookup(arguments) => look_up(arguments, screen).await,
            DirectoryCommand::Clients(arguments) => clients(arguments, screen).await,
        }
    }
}

async fn phonebooks(asking: Asking, screen: &mut Screen) -> Result<()> {
    let connection = asking.server.connect().await?;
    let mut all = v1::ListDirectoryPhonebooksResponse::default();
    loop {
        let request = v1::ListDirectoryPhonebooksRequest {
            extension: asking.extension.clone(),
            client: asking.client.clone(),
            page_size: PAGE,
            page_token: std::mem::take(&mut all.next_page_token),
        };
        let page = connection.directory().list_directory_phonebooks(request).await?.into_inner();
        all.phonebooks.extend(page.phonebooks);
        all.next_page_token = page.next_page_token;
        if all.next_page_token.is_empty() {
            break;
        }
    }
    if asking.server.json {
        return screen.json(&all);
    }
    let mut table = Table::new(["phonebook", "contacts"]);
    for phonebook in &all.phonebooks {
        table.row([&phonebook.name, &words::count(phonebook.contact_count)]);
    }
    screen.table(&table)?;
    if all.phonebooks.is_empty() {
        eprintln!(
            "extension {} sees nothing: grant it a phonebook with `ringroute extensions grant`",
            words::printable(&asking.extension)
        );
    }
    Ok(())
}

async fn contacts(arguments: ContactsArguments, screen: &mut Screen) -> Result<()> {
    let ContactsArguments { asking, query, phonebook, limit } = arguments;
    let connection = asking.server.connect().await?;
    let request = v1::ListDirectoryContactsRequest {
        extension: asking.extension,
        client: asking.client,
        phonebook,
        query,
        page_size: limit,
        page_token: String::new(),
    };
    let answer = connection.directory().list_directory_contacts(request).await?.into_inner();
    if asking.server.json {
        return screen.json(&answer);
    }
    table(screen, answer.contacts.iter())?;
    if !answer.next_page_token.is_empty() {
        eprintln!("there are more: raise --limit, or search for something");
    }
    Ok(())
}

fn table<'a>(screen: &mut Screen, contacts: impl Iterator<Item = &'a v1::DirectoryContact>) -> Result<()> {
    let mut table = Table::new(["contact", "name", "company", "phonebooks", "numbers"]);
    for contact in contacts {
        let numbers: Vec<&str> = contact.numbers.iter().map(|number| number.number.as_str()).collect();
        table.row([
            &contact.contact_id.to_string(),
            &contact.display_name,
            &contact.company,
            &contact.phonebooks.join(", "),
            &numbers.join(", "),
        ]);
    }
    screen.table(&table)
}

async fn show(ShowArguments { asking, contact }: ShowArguments, screen: &mut Screen) -> Result<()> {
    let connection = asking.server.connect().await?;
    let request = v1::GetDirectoryContactRequest {
        extension: asking.extension,
        client: asking.client,
        contact_id: contact,
    };
    let answer = connection.directory().get_directory_contact(request).await?.into_inner();
    if asking.server.json {
        return screen.json(&answer);
    }
    let contact = answer.contact.unwrap_or_default();
    let v1::DirectoryContact { display_name, company, email, remark, phonebooks, .. } = &contact;
    let address = [&contact.street, &contact.zip_code, &contact.city, &contact.state, &contact.country];
    let address: Vec<&str> =
        address.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    screen.line(screen.bold(display_name))?;
    for (what, value) in [
        ("company", company.as_str()),
        ("email", email),
        ("address", &address.join(", ")),
        ("remark", remark),
        ("phonebooks", &phonebooks.join(", ")),
    ] {
        if !value.is_empty() {
            screen.line(format!("{what:<11}{}", words::on_one_line(value)))?;
        }
    }
    let mut numbers = Table::new(["number", "dial", "dialled as", "as written"]);
    for number in &contact.numbers {
        let label = words::of_enum(number.label().as_str_name(), "NUMBER_LABEL_");
        numbers.row([&label, &number.number, &number.dial_string, &number.raw]);
    }
    screen.table(&numbers)
}

async fn look_up(LookupArguments { asking, number }: LookupArguments, screen: &mut Screen) -> Result<()> {
    let connection = asking.server.connect().await?;
    let request =
        v1::LookUpDirectoryNumberRequest { extension: asking.extension, client: asking.client, number };
    let answer = connection.directory().look_up_directory_number(request).await?.into_inner();
    if asking.server.json {
        return screen.json(&answer);
    }
    match answer.status() {
        v1::MatchStatus::Matched => {
            table(screen, answer.matches.iter().filter_map(|matched| matched.contact.as_ref()))
        }
        v1::MatchStatus::Withheld => screen.line("the number is withheld"),
        v1::MatchStatus::Invalid => screen.line("this is no phone number"),
        v1::MatchStatus::NotMatched | v1::MatchStatus::Unspecified => {
            screen.line(format!("nobody that this extension sees has {}", answer.number))
        }
    }
}

async fn clients(arguments: ClientsArguments, screen: &mut Screen) -> Result<()> {
    let ClientsArguments { minimum, unnamed, server } = arguments;
    let connection = server.connect().await?;
    if minimum.is_empty() && unnamed.is_none() {
        let request = v1::GetClientPolicyRequest {};
        let answer = connection.directory().get_client_policy(request).await?.into_inner();
        return if server.json { screen.json(&answer) } else { policy(screen, answer.client_policy) };
    }
    let mut settings = directory_settings(&connection).await?;
    let policy_of = settings.client_policy.get_or_insert_default();
    for minimum in minimum {
        policy_of.minimum_versions.retain(|known| known.platform != minimum.platform);
        policy_of.minimum_versions.push(minimum);
    }
    if let Some(unnamed) = unnamed {
        policy_of.set_unnamed_clients(match unnamed {
            Unnamed::Allowed => v1::UnnamedClients::Allowed,
            Unnamed::Refused => v1::UnnamedClients::Refused,
        });
    }
    let answer = update(&connection, settings).await?;
    if server.json {
        return screen.json(&answer);
    }
    policy(screen, answer.directory_settings.and_then(|settings| settings.client_policy))
}

fn policy(screen: &mut Screen, policy: Option<v1::ClientPolicy>) -> Result<()> {
    let policy = policy.unwrap_or_default();
    let mut table = Table::new(["platform", "oldest version"]);
    for minimum in &policy.minimum_versions {
        table.row([&minimum.platform, if minimum.version == "0" { "any" } else { &minimum.version }]);
    }
    screen.table(&table)?;
    let unnamed = match policy.unnamed_clients() {
        v1::UnnamedClients::Refused => "refused",
        v1::UnnamedClients::Allowed | v1::UnnamedClients::Unspecified => "answered",
    };
    screen.line(format!("requests that name no client are {unnamed}"))
}
