//! `ringroute contacts show`: one contact, and where calls from it go.

use clap::Args;

use crate::api::proto::v1;
use crate::cli::calls;
use crate::cli::connection::ServerArguments;
use crate::cli::exit::Result;
use crate::cli::screen::{Screen, Table};
use crate::cli::words;

/// Show all that is known of a contact, and where calls from its numbers go
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute contacts show 17
  ringroute contacts show 17 --did +493023125000   where they go when they dial this number
  ringroute contacts show 17 --json | jq -r .contact.etag")]
pub(super) struct ShowArguments {
    /// Number of the contact, as `ringroute contacts` lists it
    contact: u64,
    /// The number that they dial; without it only routes that do not ask for one take the calls
    #[arg(long, default_value = "", hide_default_value = true)]
    did: String,
    #[command(flatten)]
    server: ServerArguments,
}

impl ShowArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        let request = v1::GetContactRequest { contact_id: self.contact };
        let answer = connection.phonebooks().get_contact(request).await?.into_inner();
        let request = v1::GetContactRoutesRequest { contact_id: self.contact, did: self.did };
        let routes = connection.contacts().get_contact_routes(request).await?.into_inner();
        if self.server.json {
            screen.json_line(&answer)?;
            return screen.json_line(&routes);
        }
        fields(screen, &answer.contact.unwrap_or_default())?;
        screen.line("")?;
        let mut table = Table::new(["calls from", "on trunk", "take the route", "and go to"]);
        for route in &routes.routes {
            let number = route.number.as_ref().map_or("", |number| number.e164.as_str());
            let goes_to = format!("{} {}", route.destination_type, route.target);
            table.row([
                number,
                if route.trunk.is_empty() { "(any other)" } else { &route.trunk },
                if route.route.is_empty() { "(none)" } else { &route.route },
                goes_to.trim(),
            ]);
        }
        screen.table(&table)?;
        screen.line("Of calls without attestation; `ringroute route --attestation` asks about others.")
    }
}

/// Writes what is known of a contact.
pub(super) fn fields(screen: &mut Screen, contact: &v1::Contact) -> Result<()> {
    let mut table = Table::new(["field", "value", "number"]);
    let id = contact.contact_id.to_string();
    let phonebooks = contact.phonebooks.join(", ");
    for (name, value) in [
        ("contact", id.as_str()),
        ("source", calls::source(&contact.source)),
        ("source key", &contact.source_key),
        ("phonebooks", &phonebooks),
        ("first name", &contact.first_name),
        ("last name", &contact.last_name),
        ("company", &contact.company),
        ("email", &contact.email),
        ("remark", &contact.remark),
        ("zip code", &contact.zip_code),
        ("street", &contact.street),
        ("city", &contact.city),
        ("state", &contact.state),
        ("country", &contact.country),
        ("own extension", &contact.own_extension),
    ] {
        if !value.is_empty() {
            table.row([name, value, ""]);
        }
    }
    if contact.not_received_since.is_some() {
        let since = words::time(contact.not_received_since.as_ref());
        table.row(["not received", &format!("since {since}; kept, as its source says (remove_missing)"), ""]);
    }
    for number in &contact.numbers {
        let name = number.label().as_str_name().trim_start_matches("NUMBER_LABEL_");
        let label = name.to_lowercase().replace('_', " ");
        table.row([label.as_str(), &number.raw, &number.e164]);
    }
    screen.table(&table)
}
