//! `ringroute contacts last-digits`: whom would matching by last digits mix up?

use clap::Args;

use crate::api::proto::v1;
use crate::cli::connection::ServerArguments;
use crate::cli::exit::Result;
use crate::cli::screen::{Screen, Table};
use crate::cli::words::{count, counted};

/// Say whom matching by last digits would mix up, before it is turned on
///
/// Contacts whose numbers end alike: a caller with none of these numbers would be taken for all of them. Numbers of two
/// known countries never match by last digits. Nothing is changed; it is turned on by `numbers.last_digits` of the
/// settings.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ringroute contacts last-digits                   how many contacts, for 7 to 15 last digits
  ringroute contacts last-digits 8                 who they are with 8
  ringroute contacts last-digits 8 --json | jq '.collisions[].contacts[].displayName'")]
pub(super) struct LastDigitsArguments {
    /// How many last digits: 7 to 15; without it, how many contacts for each
    digits: Option<u32>,
    /// Most endings in a list
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    server: ServerArguments,
}

impl LastDigitsArguments {
    pub(super) async fn run(self, screen: &mut Screen) -> Result<()> {
        let connection = self.server.connect().await?;
        let request = v1::CheckLastDigitsRequest {
            last_digits: self.digits.unwrap_or_default(),
            page_size: self.limit,
            page_token: String::new(),
        };
        let answer = connection.settings().check_last_digits(request).await?.into_inner();
        if self.server.json {
            return screen.json(&answer);
        }
        let Some(digits) = self.digits else {
            let mut table = Table::new(["last digits", "contacts mixed up", "endings they share"]);
            for found in &answer.counts {
                let (contacts, endings) = (count(found.contact_count), count(found.collision_count));
                table.row([&found.last_digits.to_string(), &contacts, &endings]);
            }
            screen.table(&table)?;
            return screen.line("Who they are: ringroute contacts last-digits 8");
        };
        if answer.collisions.is_empty() {
            return screen.line(format!("With the last {digits} digits, nobody would be mixed up."));
        }
        let mut table = Table::new(["ending", "contacts", "number", "contact", "name", "company"]);
        for collision in &answer.collisions {
            let contacts = count(collision.contact_count);
            for (place, contact) in collision.contacts.iter().enumerate() {
                let (ending, contacts) =
                    if place == 0 { (collision.ending.as_str(), contacts.as_str()) } else { ("", "") };
                let id = contact.contact_id.to_string();
                table.row([ending, contacts, &contact.number, &id, &contact.display_name, &contact.company]);
            }
            let more = collision.contact_count.saturating_sub(collision.contacts.len() as u64);
            if more > 0 {
                table.note(&format!("and {} more", counted(more, "contact")));
            }
        }
        screen.table(&table)?;
        if !answer.next_page_token.is_empty() {
            screen.line("… and more: raise --limit")?;
        }
        Ok(())
    }
}
