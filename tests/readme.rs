//! The README is what a newcomer does first, so its commands and its settings are tried.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;
use std::process::Command;

use ringroute::engine::Engine;
use ringroute::store::RemovedSources;

const README: &str = include_str!("../README.md");

/// The lines of all code blocks of a language, without their common indentation.
fn blocks(language: &str) -> Vec<Vec<&str>> {
    let mut blocks = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in README.lines().map(str::trim) {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(start)) => open = Some(Vec::new()).filter(|_| start == language),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.push(line),
            (None, None) => {}
        }
    }
    blocks
}

/// Splits as a shell does, as far as the README needs it: quotes and comments.
fn words(command: &str) -> Vec<String> {
    let command = command.split(" #").next().unwrap();
    let parts = command.split('\'').enumerate();
    parts
        .flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

#[test]
fn every_command_of_the_readme_exists_with_its_options() {
    let lines = blocks("console").into_iter().flatten().filter_map(|line| line.strip_prefix("$ ringroute "));
    let mut tried = 0;
    for line in lines {
        // The help comes after everything before it was understood.
        let output =
            Command::new(env!("CARGO_BIN_EXE_ringroute")).args(words(line)).arg("--help").output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        tried += 1;
    }
    assert!(tried >= 7, "only {tried} commands were found");
}

#[test]
fn every_command_that_there_is_stands_in_the_readme() {
    let output = Command::new(env!("CARGO_BIN_EXE_ringroute")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let names = commands.lines().take_while(|line| !line.is_empty());
    for name in names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help") {
        assert!(
            README.contains(&format!("`ringroute {name}`")) || README.contains(&format!("ringroute {name} ")),
            "{name}"
        );
    }
}

#[test]
fn the_settings_of_the_readme_can_be_applied() {
    let settings = blocks("toml");
    assert_eq!(settings.len(), 1);
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path()).unwrap();
    engine.by("test").apply(&settings[0].join("\n"), RemovedSources::Refuse, false).unwrap();
    let names: Vec<_> = engine.settings().unwrap().sources.into_iter().map(|source| source.name).collect();
    assert_eq!(names, ["crm"]);
}

/// Every test, RPC and command that the page about the reference document names is there.
#[test]
fn what_the_page_about_the_reference_document_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/reference-document.md")).unwrap();
    let mut sources = String::new();
    for folder in ["src", "tests", "proto"] {
        read_all(&root.join(folder), &mut sources);
    }
    let (mut tests, mut rpcs, mut commands) = (0, 0, 0);
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        for quoted in row.split('`').skip(1).step_by(2) {
            let is_camel = quoted.starts_with(|c: char| c.is_ascii_uppercase())
                && quoted.chars().all(|c| c.is_ascii_alphabetic());
            if let Some(command) = quoted.strip_prefix("ringroute ") {
                let output = Command::new(env!("CARGO_BIN_EXE_ringroute"))
                    .args(words(command).iter().filter(|word| !word.starts_with('-')))
                    .arg("--help")
                    .output()
                    .unwrap();
                assert!(output.status.success(), "there is no command {quoted:?}");
                commands += 1;
            } else if is_camel && quoted.len() > 3 {
                assert!(sources.contains(&format!("rpc {quoted}(")), "there is no RPC {quoted}");
                rpcs += 1;
            } else if quoted.matches('_').count() > 3 {
                assert!(sources.contains(&format!("fn {quoted}(")), "there is no test {quoted}");
                tests += 1;
            }
        }
    }
    assert!(tests > 40 && rpcs > 15 && commands > 10, "{tests} tests, {rpcs} RPCs, {commands} commands");
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "proto") {
            into.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
