//! `ringroute contacts add`, `edit`, `delete`.

use clap::Args;

use super::show;
use crate::api::proto::v1;
use crate::cli::connection::ServerArguments;
use crate::cli::exit::Result;
use crate::cli::screen::Screen;
use crate::cli::words;

/// Add a contact to a local phonebook
///
/// A contact needs a name (first name, last name or company) and a phone number.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute contacts add --phonebook Suppliers --company 'Berg GmbH' --business-number '030 1234567'
  ringroute contacts add --phonebook Suppliers --last-name Berg --mobile-number '+49 171 2345678' --json

Exit codes: 0 added, 2 a field is wrong, 4 no such phonebook, 5 refused: it is synced, or there are too many contacts")]
pub(super) struct AddArguments {
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    server: ServerArguments,
}

/// Change a contact of a local phonebook
///
/// What is not said stays as it is; an empty text makes a field blank. --phonebook says all phonebooks that it is
/// in from then on. Refused when somebody else changed it in between.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute contacts edit 17 --mobile-number '0171 2345678' --remark ''
  ringroute contacts edit 17 --phonebook Suppliers --phonebook Partners

Exit codes: 0 changed, 2 a field is wrong, 4 no such contact, 5 refused: it is synced, or was changed meanwhile")]
pub(super) struct EditArguments {
    /// Number of the contact, as `ringroute contacts` lists it
    contact: u64,
    #[command(flatten)]
    fields: Fields,
    #[command(flatten)]
    server: ServerArguments,
}

/// Delete contacts of local phonebooks
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute contacts delete 17
  ringroute contacts delete 17 18 19

Exit codes: 0 deleted, 4 no such contact, 5 refused: it is synced. The contacts before the one refused are deleted")]
pub(super) struct DeleteArguments {
    /// Numbers of the contacts
    #[arg(required = true)]
    contacts: Vec<u64>,
    #[command(flatten)]
    server: ServerArguments,
}

/// What is known of a contact.
#[derive(Debug, Args)]
struct Fields {
    /// A local phonebook that it is in; can be said several times
    #[arg(long = "phonebook", value_name = "NAME")]
    phonebooks: Vec<String>,
    /// At most 63 characters
    #[arg(long)]
    first_name: Option<String>,
    /// At most 63 characters
    #[arg(long)]
    last_name: Option<String>,
    /// At most 127 characters
    #[arg(long)]
    company: Option<String>,
    #[arg(long, help = "At most 255 characters")]
    email: Option<String>,
    #[arg(long, help = "At most 255 characters")]
    remark: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    business_number: Option<String>,
    #[arg(long = "business-number-2", value_name = "NUMBER")]
    business_number_2: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    business_fax: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    mobile_number: Option<String>,
    #[arg(long = "mobile-number-2", value_name = "NUMBER")]
    mobile_number_2: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    home_number: Option<String>,
    #[arg(long = "home-number-2", value_name = "NUMBER")]
    home_number_2: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    home_fax: Option<String>,
    #[arg(long, value_name = "NUMBER")]
    other_number: Option<String>,
    #[arg(long)]
    zip_code: Option<String>,
    #[arg(long)]
    street: Option<String>,
    #[arg(long)]
    city: Option<String>,
    #[arg(long)]
    state: Option<String>,
    #[arg(long)]
    country: Option<String>,
    /// The extension of the contact's own person in the company
    #[arg(long, value_name = "EXTENSION")]
    own_extension: Option<String>,
}

impl Fields {
    /// Makes a contact what was said.
    fn change(self, contact: &mut v1::Contact) {
        use v1::NumberLabel::{
            BusinessFax, BusinessNumber, BusinessNumber2, HomeFax, HomeNumber, HomeNumber2, MobileNumber,
            MobileNumber2, OtherNumber,
        };
        if !self.phonebooks.is_empty() {
            contact.phonebooks = self.phonebooks;
        }
        for (said, field) in [
            (self.first_name, &mut contact.first_name),
            (self.last_name, &mut contact.last_name),
            (self.company, &mut contact.company),
            (self.email, &mut contact.email),
            (self.remark, &mut contact.remark),
            (self.zip_code, &mut contact.zip_code),
            (self.street, &mut contact.street),
            (self.city, &mut contact.city),
            (self.state, &mut contact.state),
            (self.country, &mut contact.country),
            (self.own_extension, &mut contact.own_extension),
        ] {
            if let Some(said) = said {
                *field = said;
            }
        }
        for (said, label) in [
            (self.business_number, BusinessNumber),
            (self.business_number_2, BusinessNumber2),
            (self.business_fax, BusinessFax),
            (self.mobile_number, MobileNumber),
            (self.mobile_number_2, MobileNumber2),
            (self.home_number, HomeNumber),
            (self.home_number_2, HomeNumber2),
            (self.home_fax, HomeFax),
            (self.other_number, OtherNumber),
        ] {
            if let Some(raw) = said {
                contact.numbers.retain(|number| number.label() != label);
                contact.numbers.push(v1::ContactNumber { label: label.into(), raw, e164: String::new() });
            }
        }
    }
}

impl AddArguments {
    pub(super) async fn run(self: Box<Self>, screen: &mut Screen) -> Result<()> {
        let mut phonebooks = self.server.connect().await?.phonebooks();
        let mut contact = v1::Contact::default();
        self.fields.change(&mut contact);
        let request = v1::CreateContactRequest { contact: Some(contact) };
        let answer = phonebooks.create_contact(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let contact = answer.contact.unwrap_or_default();
        screen.line(format!(
            "contact {} is added; generation {} is served",
            contact.contact_id, answer.generation
        ))?;
        show::fields(screen, &contact)
    }
}

impl EditArguments {
    pub(super) async fn run(self: Box<Self>, screen: &mut Screen) -> Result<()> {
        let mut phonebooks = self.server.connect().await?.phonebooks();
        let request = v1::GetContactRequest { contact_id: self.contact };
        let mut contact = phonebooks.get_contact(request).await?.into_inner().contact.unwrap_or_default();
        self.fields.change(&mut contact);
        let request = v1::UpdateContactRequest { contact: Some(contact) };
        let answer = phonebooks.update_contact(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let contact = answer.contact.unwrap_or_default();
        screen.line(format!(
            "contact {} is changed; generation {} is served",
            contact.contact_id, answer.generation
        ))?;
        show::fields(screen, &contact)
    }
}

impl DeleteArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let mut phonebooks = self.server.connect().await?.phonebooks();
        let mut last = v1::DeleteContactResponse::default();
        let count = self.contacts.len() as u64;
        for contact_id in self.contacts {
            let request = v1::DeleteContactRequest { contact_id, etag: String::new() };
            last = phonebooks.delete_contact(request).await?.into_inner();
        }
        if self.server.json {
            return screen.json(&last);
        }
        let contacts = words::counted(count, "contact");
        screen.line(format!("{contacts} deleted; generation {} is served", last.generation))
    }
}
