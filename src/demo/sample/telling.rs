//! The contacts that the demo calls about, and the calls.

use super::numbers::SampleNumber;
use super::{FAX, MOBILE, NUMBER_COLUMNS, PHONE, SampleContact};

/// A contact that shows something, at a fixed place in the sample.
///
/// Its number is out of a range that its country keeps for films and books, so it is nobody's; only Italy
/// keeps no such range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the columns'")]
pub struct TellingCaller {
    /// 1 and up: these are the first contacts of every sample.
    pub id: u32,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub company: &'static str,
    pub city: &'static str,
    pub country: &'static str,
    pub belongto: &'static str,
    /// The column of the number: an index into [`NUMBER_COLUMNS`].
    pub column: usize,
    /// The number as the database has it.
    pub written: &'static str,
    /// The digits of the E.164 number it means.
    pub e164: u64,
    /// What the contact is here to show.
    pub shows: &'static str,
}

/// The first contacts of every sample.
#[rustfmt::skip] // a table is read as a table
pub const TELLING_CALLERS: [TellingCaller; 10] = [
    TellingCaller { id: 1, first_name: "Anna", last_name: "Müller", company: "Müller Gebäudetechnik GmbH", city: "Berlin", country: "DE",
        belongto: "Sales", column: PHONE, written: "(030) 231 25-101", e164: 493023125101, shows: "stored in national form" },
    TellingCaller { id: 2, first_name: "Oliver", last_name: "Ashworth", company: "Ashworth & Sons", city: "London", country: "GB",
        belongto: "Support", column: PHONE, written: "+44 (0)20 7946 0123", e164: 442079460123, shows: "stored with a zero that is not dialled from abroad" },
    TellingCaller { id: 3, first_name: "Grace", last_name: "Whitfield", company: "Whitfield Robotics Inc.", city: "Washington", country: "US",
        belongto: "Sales", column: PHONE, written: "+1 (202) 555-0142", e164: 12025550142, shows: "North America" },
    TellingCaller { id: 4, first_name: "Giulia", last_name: "Ferrari", company: "Caffè Ferrari S.r.l.", city: "Roma", country: "IT",
        belongto: "Support", column: PHONE, written: "+39 06 1555 0123", e164: 390615550123, shows: "a zero that belongs to the number" },
    TellingCaller { id: 5, first_name: "Jonas", last_name: "Schäfer", company: "Ωmega Logistik AG", city: "Hamburg", country: "DE",
        belongto: "Sales", column: PHONE, written: "040/66969200", e164: 494066969200, shows: "shares a number with contact 6" },
    TellingCaller { id: 6, first_name: "Ayşe", last_name: "Yılmaz", company: "Ωmega Logistik AG", city: "Hamburg", country: "DE",
        belongto: "Support", column: PHONE, written: "+49 40 66969-200", e164: 494066969200, shows: "shares a number with contact 5, in another phonebook" },
    TellingCaller { id: 7, first_name: "Käthe", last_name: "Weiß", company: "Weiß Möbel e. K.", city: "München", country: "DE",
        belongto: "Support", column: PHONE, written: "089 99998-300 x12", e164: 498999998300, shows: "an extension in the number" },
    TellingCaller { id: 8, first_name: "Hélène", last_name: "Lefèvre", company: "Boulangerie Lefèvre SARL", city: "Paris", country: "FR",
        belongto: "Sales", column: PHONE, written: "tel:+33-1-99-00-12-34", e164: 33199001234, shows: "stored as a tel URI (RFC 3966)" },
    TellingCaller { id: 9, first_name: "Łukasz", last_name: "Nowak", company: "Nowak Dächer OHG", city: "Görlitz", country: "DE",
        belongto: "Support", column: MOBILE, written: "0171-3920 012", e164: 491713920012, shows: "a mobile phone" },
    TellingCaller { id: 10, first_name: "Matilda", last_name: "Nguyễn", company: "Wattle Solar Pty Ltd", city: "Sydney", country: "AU",
        belongto: "Sales", column: FAX, written: "0061\u{a0}2\u{a0}5550\u{a0}1234", e164: 61255501234, shows: "no-break spaces, and 00 for the plus sign" },
];

impl TellingCaller {
    pub(super) fn contact(&self) -> SampleContact {
        let text = |text: &str| Some(text.to_owned());
        let mut numbers = <[Option<SampleNumber>; NUMBER_COLUMNS.len()]>::default();
        numbers[self.column] = Some(SampleNumber { written: self.written.to_owned(), e164: Some(self.e164) });
        SampleContact {
            id: self.id,
            first_name: text(self.first_name),
            last_name: text(self.last_name),
            company: text(self.company),
            numbers,
            city: text(self.city),
            country: text(self.country),
            belongto: text(self.belongto),
            remark: text(self.shows),
            updated_at: text("2025-01-01T08:00:00Z"),
            ..SampleContact::default()
        }
    }
}

/// A call of the demo's table, as a call handler would ask about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoCall {
    /// The caller, as the network gave it.
    pub caller: &'static str,
    /// The dialled number.
    pub did: &'static str,
    /// Where the call came in.
    pub trunk: &'static str,
    /// What the call shows.
    pub what: &'static str,
}

/// The company's own numbers: switchboards of its two offices, and the line for emergencies.
const BERLIN_DID: &str = "+493023125000";
const LONDON_DID: &str = "+442079460900";
pub(super) const HOTLINE_DID: &str = "+493023125800";

const fn berlin(caller: &'static str, what: &'static str) -> DemoCall {
    DemoCall { caller, did: BERLIN_DID, trunk: "berlin", what }
}

/// The calls of the demo's table, in its order.
#[rustfmt::skip]
pub const DEMO_CALLS: [DemoCall; 13] = [
    berlin("03023125101", "national"),
    berlin("+44 20 7946 0123", "international"),
    DemoCall { caller: "020 7946 0123", did: LONDON_DID, trunk: "london", what: "national, on a British trunk" },
    berlin("0012025550142", "00 for the plus sign"),
    berlin("sip:+33199001234@sbc.example.net;user=phone", "SIP URI"),
    berlin("+494066969200", "two contacts on one number"),
    berlin("+498999998300", "stored with an extension"),
    berlin("+390615550123", "Italian zero"),
    DemoCall { caller: "+491713920012", did: HOTLINE_DID, trunk: "berlin", what: "the dialled number decides" },
    DemoCall { caller: "+61255501234", did: LONDON_DID, trunk: "london", what: "from the other end of the world" },
    berlin("anonymous", "withheld"),
    berlin("+493023125999", "unknown caller"),
    berlin("call me maybe", "nonsense"),
];
