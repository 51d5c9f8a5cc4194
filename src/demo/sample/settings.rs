//! The settings that connect the sample company: its database, its trunks and its inbound routes.

use std::path::Path;

use super::NUMBER_COLUMNS;
use super::telling::HOTLINE_DID;
use crate::contact::NumberLabel;
use crate::phone_number::Region;
use crate::phonebook::PhonebookName;
use crate::settings::{
    Connection, Destination, DestinationType, FieldMap, GuardSettings, InboundRoute, NumberSettings,
    PhonebookTarget, Settings, SourceSettings, SqliteConnection, Trunk,
};

/// The name of the sample's source.
pub const SOURCE_NAME: &str = "sample-company";

/// Everything the demo's business decides, for a sample written to `database`.
#[must_use]
pub fn settings(database: &Path) -> Settings {
    Settings {
        numbers: NumberSettings { default_region: Some(region("DE")), last_digits: 0 },
        trunks: vec![trunk("berlin", "DE"), trunk("london", "GB")],
        sources: vec![source(database)],
        inbound_routes: inbound_routes(),
        ..Settings::default()
    }
}

fn source(database: &Path) -> SourceSettings {
    SourceSettings {
        name: SOURCE_NAME.to_owned(),
        enabled: true,
        default_region: None,
        sync_filter: "select ${MAP} from main.contacts order by id".to_owned(),
        remove_missing: true,
        schedule: None,
        notify: crate::settings::Notify::default(),
        connection: Connection::Sqlite(SqliteConnection { path: database.to_owned() }),
        field_map: field_map(),
        phonebook: PhonebookTarget::ByProperty { column: "belongto".to_owned(), blank: None },
        guard: GuardSettings::default(),
    }
}

fn field_map() -> FieldMap {
    let column = |name: &str| Some(name.to_owned());
    let number =
        |label| NUMBER_COLUMNS.iter().find(|(_, of)| *of == label).and_then(|(name, _)| column(name));
    FieldMap {
        key: column("id"),
        first_name: column("first_name"),
        last_name: column("last_name"),
        company: column("company"),
        email: column("email"),
        remark: column("remark"),
        business_number: number(NumberLabel::BusinessNumber),
        business_number_2: number(NumberLabel::BusinessNumber2),
        business_fax: number(NumberLabel::BusinessFax),
        mobile_number: number(NumberLabel::MobileNumber),
        home_number: number(NumberLabel::HomeNumber),
        other_number: number(NumberLabel::OtherNumber),
        zip_code: column("zip"),
        street: column("street"),
        city: column("city"),
        state: column("state"),
        country: column("country"),
        ..FieldMap::default()
    }
}

/// The hot line comes before the phonebooks, for whoever dials it; the last route takes what is left.
fn inbound_routes() -> Vec<InboundRoute> {
    let withheld = InboundRoute {
        withheld: true,
        ..route(
            "Withheld",
            "Asks callers to show their number.",
            DestinationType::Announcement,
            "show-your-number",
        )
    };
    let hotline = InboundRoute {
        dids: vec![HOTLINE_DID.to_owned()],
        alert_info: "<urn:alert:priority:high>".to_owned(), // RFC 7462
        ..route("Hot line", "Whoever calls, it rings here.", DestinationType::RingGroup, "6301")
    };
    let sales = InboundRoute {
        phonebooks: vec![phonebook("Sales")],
        ..route("Sales customers", "Queue \"sales\".", DestinationType::Queue, "6400")
    };
    let support = InboundRoute {
        phonebooks: vec![phonebook("Support")],
        ..route("Support customers", "Everyone in Support.", DestinationType::RingGroup, "6300")
    };
    let rest = route("Everyone else", "Sales or support? The caller says.", DestinationType::Ivr, "6500");
    vec![withheld, hotline, sales, support, rest]
}

fn route(name: &str, note: &str, destination_type: DestinationType, target: &str) -> InboundRoute {
    let destination = Destination { destination_type, target: target.to_owned(), fallback: None };
    InboundRoute { note: note.to_owned(), ..InboundRoute::of_every_call(name, destination) }
}

fn trunk(name: &str, default_region: &'static str) -> Trunk {
    Trunk { name: name.to_owned(), default_region: Some(region(default_region)), ..Trunk::default() }
}

#[expect(clippy::unwrap_used, reason = "only called with the codes above; a test makes these settings")]
fn region(code: &'static str) -> Region {
    code.parse().unwrap()
}

#[expect(clippy::unwrap_used, reason = "only called with the names above; a test makes these settings")]
fn phonebook(name: &'static str) -> PhonebookName {
    PhonebookName::parse(name).unwrap()
}
