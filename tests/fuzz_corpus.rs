//! What fuzzing has found interesting is tried again, on every run and without a fuzzer: each target's check, over the
//! inputs that were kept (`fuzz/corpus`; `fuzz/README.md` says how they came about).

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "../fuzz/checks/csv.rs"]
mod csv;
#[path = "../fuzz/checks/did_pattern.rs"]
mod did_pattern;
#[path = "../fuzz/checks/phone_number.rs"]
mod phone_number;
#[path = "../fuzz/checks/settings_file.rs"]
mod settings_file;
#[path = "../fuzz/checks/sip_uri.rs"]
mod sip_uri;
#[path = "../fuzz/checks/snapshot_file.rs"]
mod snapshot_file;
#[path = "../fuzz/checks/sync_filter.rs"]
mod sync_filter;
#[path = "../fuzz/checks/tds_client.rs"]
mod tds_client;

use std::path::Path;

/// Tries every input that was kept for a target, in the order of their names.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 20, "{} has only {} inputs", folder.display(), files.len());
    for file in files {
        // Shown when the check fails.
        println!("{}", file.display());
        check(&std::fs::read(&file).unwrap());
    }
}

macro_rules! replays {
    ($($test:ident: $target:ident,)*) => {$(
        #[test]
        fn $test() {
            replay(stringify!($target), $target::check);
        }
    )*};
}

replays! {
    csv_files_that_were_kept: csv,
    patterns_that_were_kept: did_pattern,
    phone_numbers_that_were_kept: phone_number,
    settings_files_that_were_kept: settings_file,
    sip_uris_that_were_kept: sip_uri,
    snapshot_files_that_were_kept: snapshot_file,
    sync_filters_that_were_kept: sync_filter,
    answers_of_sql_servers_that_were_kept: tds_client,
}

/// A target without a replay would guard nothing.
#[test]
fn every_target_is_replayed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let this = std::fs::read_to_string(root.join("tests/fuzz_corpus.rs")).unwrap();
    for entry in std::fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(this.contains(&format!(": {name},\n")), "{name} is not replayed");
    }
}

/// To begin with, fuzzing needs answers that a server really gives. Run it when what the source asks has changed:
/// `cargo test --test fuzz_corpus -- --ignored`.
#[test]
#[ignore = "writes into fuzz/corpus"]
fn the_answers_of_the_test_server_are_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/tds_client");
    std::fs::create_dir_all(&folder).unwrap();
    for (place, answer) in tds_client::real_answers().iter().enumerate() {
        // The first byte says whose place the others take.
        let input: Vec<u8> = [place as u8].into_iter().chain(answer.iter().copied()).collect();
        std::fs::write(folder.join(format!("real-{place}")), input).unwrap();
    }
}
