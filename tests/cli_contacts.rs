//! Contacts made by hand, by running the program itself.

#[path = "support/program.rs"]
mod program;

use program::{Program, printed};
use serde_json::Value;

const FILE: &str = "Firma;Telefon;Notiz\nBerg GmbH;030 1234567;=cmd|'/c calc'!A1\nDorn AG;none;\n";

#[test]
fn contacts_are_added_changed_imported_exported_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::serve(folder.path(), &[]);
    let run = |code: i32, arguments: &[&str]| {
        let output = program.command(arguments).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", printed(&output));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let settings = "[numbers]\ndefault_region = \"DE\"\n[[trunk]]\nname = \"berlin\"\n[[inbound_route]]\n\
        name = \"vip\"\nphonebooks = [\"Suppliers\"]\ntrunks = [\"berlin\"]\n\
        destination = { type = \"queue\", target = \"6400\" }\n[[phonebook]]\nname = \"Suppliers\"\n";
    std::fs::write(folder.path().join("settings.toml"), settings).unwrap();
    run(0, &["apply", "-f", "settings.toml"]);

    let add = [
        "contacts",
        "add",
        "--phonebook=suppliers",
        "--last-name=Berg",
        "--mobile-number=0171 2345678",
        "--json",
    ];
    let added: Value = serde_json::from_str(&run(0, &add).0).unwrap();
    let id = added["contact"]["contactId"].as_str().unwrap().to_owned();
    assert_eq!(added["contact"]["numbers"][0]["e164"], "+491712345678");
    run(0, &["contacts", "edit", &id, "--city=Bonn", "--home-number=030 7654321"]);
    let (shown, _) = run(0, &["contacts", "show", &id]);
    for expected in ["Berg", "Bonn", "030 7654321", "+49307654321", "Suppliers", "vip", "queue 6400"] {
        assert!(shown.contains(expected), "{expected:?} in {shown}");
    }
    let (_, error) = run(2, &["contacts", "edit", &id, "--mobile-number=", "--home-number=x"]);
    assert!(error.contains("home_number: "), "{error}");
    run(4, &["contacts", "add", "--phonebook=nowhere", "--last-name=Berg", "--mobile-number=0171 2345678"]);

    std::fs::write(folder.path().join("list.csv"), FILE).unwrap();
    let import = ["contacts", "import", "list.csv", "--phonebook", "Suppliers"];
    let (told, error) = run(5, &import);
    assert!(told.contains("Telefon") && told.contains("none") && told.contains("business_number"), "{told}");
    assert!(error.contains("1 of 2 rows were rejected"), "{error}");
    let with_rest = [&import[..], &["--max-rejected=60", "--column", "Notiz=remark"]].concat();
    run(0, &[&with_rest[..], &["--dry-run"]].concat());
    assert!(run(0, &with_rest).0.contains("1 contact added"));

    let (file, _) = run(0, &["contacts", "export", "berg", "--phonebook", "Suppliers"]);
    assert_eq!(file.lines().count(), 3, "{file}");
    assert!(file.contains(",'=cmd|'/c calc'!A1,"), "{file}");
    run(0, &["contacts", "export", "--format=vcard", "--output=all.vcf"]);
    let cards = std::fs::read_to_string(folder.path().join("all.vcf")).unwrap();
    assert_eq!(cards.matches("BEGIN:VCARD\r\n").count(), 2, "{cards}");

    run(0, &["contacts", "delete", &id]);
    run(4, &["contacts", "show", &id]);
    run(5, &["phonebooks", "delete", "Suppliers"]);
    run(0, &["phonebooks", "rename", "Suppliers", "Vendors"]);
    let (settings, _) = run(0, &["export"]);
    assert!(settings.contains("phonebooks = [\"Vendors\"]"), "{settings}");
    run(0, &["phonebooks", "delete", "Vendors", "--with-contacts"]);
    assert_eq!(run(0, &["contacts"]).0.lines().count(), 1);
}
