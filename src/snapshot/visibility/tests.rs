use super::*;
use crate::index::{ContactIndexBuilder, IndexedPhonebook};
use crate::phonebook::{PhonebookId, PhonebookName};
use crate::settings::Settings;

const PHONEBOOKS: [&str; 3] = ["Sales", "Support", "VIP"];

fn contacts() -> ContactIndex {
    let phonebook = |(place, name)| IndexedPhonebook {
        id: PhonebookId(place as u32 + 1),
        name: PhonebookName::parse(name).unwrap(),
    };
    ContactIndexBuilder::new(PHONEBOOKS.into_iter().enumerate().map(phonebook).collect())
        .unwrap()
        .finish(false)
        .unwrap()
}

fn compile(document: &str) -> Result<(Visibility, Destinations), RouteError> {
    let settings = Settings::from_toml(document).unwrap();
    let Settings { routing, destinations, extensions, visibility_grants, .. } = &settings;
    let mut left_out = Vec::new();
    let destinations = Destinations::compile(routing, destinations, extensions, &mut left_out);
    let visibility =
        Visibility::compile(extensions, visibility_grants, &contacts(), &destinations, &mut left_out);
    left_out.into_iter().next().map_or(Ok((visibility, destinations)), Err)
}

fn seen(document: &str, extension: &str) -> Result<String, NoViewer> {
    let (visibility, destinations) = compile(document).unwrap();
    let visible = visibility.of(extension, &contacts(), &destinations)?;
    let names = PHONEBOOKS.into_iter().zip(&visible).filter(|(_, is_visible)| **is_visible);
    Ok(names.map(|(name, _)| name).collect::<Vec<_>>().join(" "))
}

const EXTENSIONS: &str = r#"
    destination = [{ type = "extension", target = "2000-2999" }]
    [[extension]]
    number = "1001"
    name = "Ada"
    groups = ["Berlin", "Sales people"]
    [[extension]]
    number = "1002"
    [[extension]]
    number = "1003"
    enabled = false
    groups = ["Berlin"]
"#;

#[test]
fn grants_show_their_phonebooks_to_extensions_ranges_groups_or_all() {
    let document = format!(
        r#"{EXTENSIONS}
        [[visibility_grant]]
        name = "named"
        phonebooks = ["sales "]
        extensions = ["1002", "2100-2199"]
        [[visibility_grant]]
        name = "group"
        phonebooks = ["Support", "Sales", "to come"]
        extension_groups = ["BERLIN"]
        [[visibility_grant]]
        name = "everybody"
        phonebooks = ["VIP"]
        all_extensions = true
        [[visibility_grant]]
        name = "everything"
        all_phonebooks = true
        extensions = ["2999"]
        "#
    );
    for (extension, expected) in [
        ("1001", "Sales Support VIP"),
        ("1002", "Sales VIP"),
        ("2099", "VIP"),
        ("2100", "Sales VIP"),
        ("2999", "Sales Support VIP"),
    ] {
        assert_eq!(seen(&document, extension).as_deref(), Ok(expected), "{extension}");
    }
    assert_eq!(seen(&document, "1003"), Err(NoViewer::IsOff));
    for stranger in ["1004", "3000", "", "21000", "*"] {
        assert_eq!(seen(&document, stranger), Err(NoViewer::Unknown), "{stranger}");
    }
}

#[test]
fn without_a_grant_nothing_is_seen() {
    assert_eq!(seen(EXTENSIONS, "1001").as_deref(), Ok(""));
    assert_eq!(seen("", "1001"), Err(NoViewer::Unknown));
}

#[test]
fn a_grant_that_cannot_work_is_refused_at_its_field() {
    for (grant, expected) in [
        ("all_extensions = true", "phonebooks: is empty"),
        ("all_phonebooks = true", "extensions: is empty"),
        ("phonebooks = ['a']\nall_phonebooks = true\nall_extensions = true", "all_phonebooks: is set"),
        ("all_phonebooks = true\nall_extensions = true\nextensions = ['1001']", "all_extensions: is set"),
        (
            "all_phonebooks = true\nextensions = ['1001', '1004']",
            "extensions[1]: there is no extension \"1004\"",
        ),
        ("all_phonebooks = true\nextensions = ['1009-1001']", "extensions[0]: \"1009-1001\" is not a range"),
        (
            "all_phonebooks = true\nextension_groups = ['Paris']",
            "extension_groups[0]: no extension is in a group",
        ),
    ] {
        let document = format!("{EXTENSIONS}[[visibility_grant]]\nname = \"x\"\n{grant}");
        let error = compile(&document).unwrap_err().to_string();
        assert!(error.starts_with(&format!("visibility grant \"x\", {expected}")), "{error}");
    }
}

#[test]
fn extensions_are_destinations_and_stand_in_one_list_once() {
    let (_, destinations) = compile(EXTENSIONS).unwrap();
    assert!(destinations.lists(DestinationType::Extension, "1003"), "off, but there");
    assert!(destinations.lists(DestinationType::Voicemail, "1001"));
    // They alone do not close the list: routes to anything else go on working.
    let (_, destinations) = compile("[[extension]]\nnumber = \"1001\"").unwrap();
    assert!(!destinations.is_closed());
    for (document, expected) in [
        (
            "[[destination]]\ntype = 'extension'\ntarget = '1'\n[[extension]]\nnumber = '1'",
            "extension \"1\", number: \"1\" is listed among the destinations too",
        ),
        (
            "[[extension]]\nnumber = '1'\n[[extension]]\nnumber = '1'",
            "extension \"1\", number: \"1\" is there already",
        ),
        ("[[extension]]\nnumber = '10 01'", "extension \"10 01\", number: \"10 01\": found ' ' at byte 2"),
        ("[[extension]]\nnumber = ''", "extension \"\", number: must not be blank"),
        ("[[extension]]\nnumber = '1'\nname = \"a\\nb\"", "extension \"1\", name: "),
        ("[[extension]]\nnumber = '1'\ngroups = ['']", "extension \"1\", groups[0]: must not be blank"),
    ] {
        let error = compile(document).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}
