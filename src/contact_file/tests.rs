use super::*;
use crate::contact::ContactNumber;

fn number(label: NumberLabel, raw: &str, number: &str) -> ContactNumber {
    ContactNumber { label, raw: raw.into(), number: number.parse().unwrap() }
}

fn grace() -> ContactDetails {
    ContactDetails {
        first_name: "Grace".into(),
        last_name: "Hopper; Rear Admiral".into(),
        company: "Navy, US".into(),
        email: "grace@example.com".into(),
        remark: "line 1\r\nline 2 \\ END:VCARD".into(),
        street: "1 Main St".into(),
        city: "Arlington".into(),
        state: "VA".into(),
        zip_code: "22201".into(),
        country: "USA".into(),
        own_extension: "1017".into(),
        numbers: vec![
            number(NumberLabel::BusinessNumber, "030 901821", "+4930901821"),
            number(NumberLabel::BusinessFax, "+49 30 901822", "+4930901822"),
            number(NumberLabel::OtherNumber, "112", "112"),
        ],
    }
}

fn written(format: ContactFileFormat, details: &ContactDetails) -> String {
    let contact = FiledContact {
        id: ContactId(7),
        source: "crm",
        source_key: "=1+1",
        phonebooks: &["Sales", "Key, Accounts"],
        details,
    };
    let mut file = String::new();
    format.write(&contact, &mut file);
    file
}

#[test]
fn a_vcard_says_all_that_is_known_and_no_value_ends_a_line() {
    let expected = "BEGIN:VCARD\r\n\
        VERSION:4.0\r\n\
        UID;VALUE=text:ringroute-contact-7\r\n\
        FN:Grace Hopper\\; Rear Admiral\r\n\
        N:Hopper\\; Rear Admiral;Grace;;;\r\n\
        ORG:Navy\\, US\r\n\
        EMAIL:grace@example.com\r\n\
        NOTE:line 1\\nline 2 \\\\ END:VCARD\r\n\
        X-RINGROUTE-OWN-EXTENSION:1017\r\n\
        TEL;TYPE=\"work,voice\";VALUE=uri:tel:+4930901821\r\n\
        TEL;TYPE=\"work,fax\";VALUE=uri:tel:+4930901822\r\n\
        TEL;TYPE=voice;VALUE=text:112\r\n\
        ADR:;;1 Main St;Arlington;VA;22201;USA\r\n\
        CATEGORIES:Sales,Key\\, Accounts\r\n\
        END:VCARD\r\n";
    assert_eq!(written(ContactFileFormat::Vcard, &grace()), expected);
}

#[test]
fn a_company_is_an_organisation() {
    let company = ContactDetails { company: "Navy".into(), ..ContactDetails::default() };
    let card = written(ContactFileFormat::Vcard, &company);
    assert!(card.contains("\r\nFN:Navy\r\nKIND:org\r\nORG:Navy\r\n"), "{card}");
}

#[test]
fn long_lines_are_folded_between_characters_and_nothing_is_lost() {
    for length in 60..90 {
        let name = "ü".repeat(length);
        let details = ContactDetails { last_name: name.clone(), ..ContactDetails::default() };
        let card = written(ContactFileFormat::Vcard, &details);
        assert!(card.lines().all(|line| line.len() <= 75), "{card}");
        let unfolded = card.replace("\r\n ", "");
        assert!(unfolded.contains(&format!("\r\nFN:{name}\r\n")), "{card}");
    }
}

#[test]
fn a_csv_file_has_every_field_and_no_formula() {
    let header = ContactFileFormat::Csv.beginning();
    let columns: Vec<&str> = header.trim_end().split(',').collect();
    assert_eq!(columns.len(), 4 + 11 + 9);
    let file = header.clone() + &written(ContactFileFormat::Csv, &grace());
    let mut reader = csv::Reader::from_reader(file.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    assert_eq!(rows.len(), 1);
    let cell = |name: &str| {
        let place = columns.iter().position(|column| *column == name).unwrap();
        rows[0].get(place).unwrap().to_owned()
    };
    for (name, expected) in [
        ("contact_id", "7"),
        ("source", "crm"),
        ("source_key", "'=1+1"),
        ("phonebooks", "Sales, Key, Accounts"),
        ("last_name", "Hopper; Rear Admiral"),
        ("remark", "line 1\r\nline 2 \\ END:VCARD"),
        ("business_number", "030 901821"),
        ("business_fax", "'+49 30 901822"),
        ("home_number", ""),
    ] {
        assert_eq!(cell(name), expected, "{name}");
    }
}
