//! Every example file is read as what it is an example of, and leaves no key out.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;

use ringroute::config::Config;
use ringroute::engine::Engine;
use ringroute::settings::Settings;
use ringroute::store::RemovedSources;

fn examples() -> impl Iterator<Item = (String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        let text = name.ends_with(".toml").then(|| std::fs::read_to_string(&path).unwrap())?;
        Some((name, text))
    })
}

fn example(name: &str) -> String {
    examples().find(|(other, _)| other == name).unwrap().1
}

#[test]
fn every_example_is_valid() {
    for (name, text) in examples() {
        if name.starts_with("ringroute") {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
            Config::load(Some(&path), []).unwrap();
        } else {
            let settings = Settings::from_toml(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            settings.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(Settings::from_toml(&settings.to_toml().unwrap()), Ok(settings), "{name}");
            // Every room that gives a text its meaning accepts it: sync filters, patterns, destinations.
            let folder = tempfile::tempdir().unwrap();
            let engine = Engine::open(folder.path()).unwrap();
            let applied = engine.by("test").apply(&text, RemovedSources::Refuse, true);
            applied.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn the_example_configuration_shows_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ringroute.toml");
    assert_eq!(Config::load(Some(&path), []).unwrap(), Config::default());
}

/// Reading the example with one more key gives an error that lists the keys of its table, unless there is a
/// similar one; each of these must be in the example.
#[test]
fn the_examples_show_every_key() {
    let settings = example("settings.toml");
    let keys_of = |table: &str| {
        let with_more = settings.replacen(table, &format!("{table}\nqqqqqqqqqqqqqqqqqqqq = 1"), 1);
        let error = Settings::from_toml(&with_more).unwrap_err().to_string();
        let (_, keys) = error.split_once("expected one of: ").unwrap_or_else(|| panic!("{table}: {error}"));
        keys.split(", ").map(str::to_owned).collect::<Vec<_>>()
    };
    for table in [
        "[numbers]",
        "[limits]",
        "[[phonebook]]",
        "[routing]",
        "[[destination]]",
        "[[extension]]",
        "[[visibility_grant]]",
        "[client_policy]",
        "[[time_condition]]",
        "[[trunk]]\nname = \"london\"",
        "[[source]]",
        "[source.connection.sqlite]",
        "[source.field_map]",
        "[source.phonebook.by_property]",
        "[source.guard]",
        "[source.notify]",
        "[[inbound_route]]",
    ] {
        for key in keys_of(table) {
            let is_shown = settings.lines().any(|line| {
                line.starts_with(&format!("{key} =")) || line.starts_with('[') && line.contains(&key)
            });
            assert!(is_shown, "{table} has a key {key}, which examples/settings.toml does not show");
        }
    }
}
