//! Data flows one way: a room imports only rooms to its left, and the vocabulary. This test is what holds
//! that line; `ARCHITECTURE.md` says why it is there.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

/// Types that every room may use. They use only each other.
const VOCABULARY: &[&str] = &[
    "access",
    "account",
    "audit",
    "background",
    "clock",
    "contact",
    "generation",
    "pem",
    "phone_number",
    "phonebook",
    "sealed_file",
    "secret",
    "settings",
    "spreadsheet",
    "toml_document",
];

/// The rooms, from left to right.
const ROOMS: &[&str] = &[
    "source",
    "sync",
    "store",
    "index",
    "snapshot",
    "matching",
    "routing",
    "directory",
    "contact_file",
    "engine",
    "scheduler",
    "notifier",
    "traces",
    "listening",
    "api",
    "console",
    "demo",
    "app",
    "cli",
];

/// What a process needs; only whoever starts one looks at it.
const PROCESS: &[(&str, &[&str])] = &[("config", &["notifier", "traces", "listening", "api", "app", "cli"])];

fn rank(module: &str) -> Option<usize> {
    if VOCABULARY.contains(&module) {
        return Some(0);
    }
    ROOMS.iter().position(|room| *room == module).map(|place| place + 1)
}

/// The modules of this crate that a file names, with the line.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for part in code.split("crate::").skip(1) {
            let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if !name.is_empty() {
                found.push((number + 1, name));
            }
        }
    }
    found
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn rooms_import_only_rooms_to_their_left() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let mut crossings = Vec::new();
    for file in &all {
        let relative = file.strip_prefix(&src).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.trim_end_matches(".rs");
        if room == "lib" || room == "main" {
            continue;
        }
        let process = PROCESS.iter().find(|(name, _)| *name == room);
        let Some(own) = rank(room).or(process.map(|_| 0)) else {
            panic!(
                "{} is in no room: add {room:?} to the flow in this test and in ARCHITECTURE.md",
                relative.display()
            );
        };
        for (line, import) in imports(&fs::read_to_string(file).unwrap()) {
            let is_allowed = match PROCESS.iter().find(|(name, _)| *name == import) {
                Some((name, users)) => users.contains(&room) || *name == room,
                // Not a module of the first level, such as a macro: nothing to say.
                None => rank(&import).is_none_or(|other| other <= own),
            };
            if !is_allowed {
                crossings.push(format!("src/{}:{line}: {room} must not import {import}", relative.display()));
            }
        }
    }
    assert!(crossings.is_empty(), "against the flow:\n{}", crossings.join("\n"));
}

#[test]
fn an_import_against_the_flow_is_seen() {
    let found = imports("use crate::store::Store; // crate::api\nlet x = crate::index::verify(&y);\n");
    assert_eq!(found, [(1, "store".to_owned()), (2, "index".to_owned())]);
    assert!(rank("store") > rank("sync"));
    assert_eq!(rank("contact"), Some(0));
}
