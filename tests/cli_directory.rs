//! `ringroute extensions` and `ringroute directory`, on the program itself.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "support/program.rs"]
mod program;

use program::{Program, printed};

/// Runs a command that ends with `code`, and returns what it printed.
#[track_caller]
fn run(program: &Program, code: i32, arguments: &[&str]) -> String {
    let output = program.command(arguments).output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    text
}

const SETTINGS: &str = r#"
numbers.default_region = "DE"

[[source]]
name = "crm"
connection.csv.path = "people.csv"
sync_filter = "select ${MAP} from csv.contacts"
field_map = { key = "id", first_name = "first", last_name = "last", business_number = "tel" }
phonebook.by_property.column = "team"
"#;

#[test]
fn extensions_are_granted_phonebooks_search_them_and_lose_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let people =
        "id,first,last,tel,team\n1,Ada,Lovelace,030 901820,Sales\n2,Grace,Hopper,030 901821,Support\n";
    std::fs::write(folder.path().join("people.csv"), people).unwrap();
    let path = folder.path().join("people.csv");
    let settings = SETTINGS.replace("\"people.csv\"", &format!("{path:?}"));
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, settings).unwrap();
    let program = Program::serve(folder.path(), &[]);
    run(&program, 0, &["apply", "-f", file.to_str().unwrap()]);
    run(&program, 0, &["sync", "run", "crm"]);

    let text = run(&program, 4, &["directory", "contacts", "1001"]);
    assert!(text.contains("there is no extension \"1001\": add it"), "{text}");
    run(&program, 0, &["extensions", "set", "1001", "--name", "Sally", "--group", "Berlin"]);
    let text = run(&program, 0, &["directory", "phonebooks", "1001"]);
    assert!(text.contains("sees nothing: grant it a phonebook"), "{text}");
    let text = run(&program, 2, &["extensions", "grant", "x", "--phonebook", "Sales", "--group", "Paris"]);
    assert!(text.contains("no extension is in a group \"Paris\""), "{text}");
    run(&program, 0, &["extensions", "grant", "sales", "--phonebook", "Sales", "--group", "berlin"]);
    let text = run(&program, 0, &["directory", "contacts", "1001"]);
    assert!(
        text.contains("Ada Lovelace") && text.contains("+4930901820") && !text.contains("Grace"),
        "{text}"
    );
    let text = run(&program, 0, &["directory", "contacts", "1001", "hopper", "--json"]);
    assert!(!text.contains("Grace"), "{text}");
    let text = run(&program, 0, &["directory", "lookup", "1001", "030/901820"]);
    assert!(text.contains("Ada Lovelace"), "{text}");
    let text = run(&program, 0, &["directory", "lookup", "1001", "030/901821"]);
    assert_eq!(text.trim(), "nobody that this extension sees has +4930901821");

    let text = run(&program, 5, &["directory", "contacts", "1001", "--client", "linkus_mac/1.7.2"]);
    assert!(text.contains("1.7.3 or later is needed"), "{text}");
    run(&program, 2, &["directory", "contacts", "1001", "--client", "linkus_mac"]);
    let text = run(&program, 0, &["directory", "clients", "--minimum", "linkus_mac=1.7"]);
    assert!(text.contains("linkus_mac      1.7"), "{text}");
    run(&program, 0, &["directory", "contacts", "1001", "--client", "linkus_mac/1.7.2"]);

    let text = run(&program, 0, &["extensions", "grants"]);
    assert!(text.contains("group berlin"), "{text}");
    run(&program, 0, &["extensions", "set", "1001", "--enabled", "false"]);
    run(&program, 5, &["directory", "phonebooks", "1001"]);
    run(&program, 0, &["extensions", "set", "1001", "--enabled", "true"]);
    run(&program, 0, &["directory", "phonebooks", "1001"]);
    run(&program, 0, &["extensions", "revoke", "SALES"]);
    let text = run(&program, 0, &["directory", "contacts", "1001"]);
    assert!(!text.contains("Ada"), "{text}");
    run(&program, 0, &["extensions", "remove", "1001"]);
    let text = run(&program, 4, &["extensions", "remove", "1001"]);
    assert!(text.contains("`ringroute extensions` lists them"), "{text}");
    run(&program, 4, &["extensions", "revoke", "sales"]);
}
