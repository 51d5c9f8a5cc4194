//! A source is deleted, or switched off, and what belongs to it is kept or removed, while the process is killed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use ringroute::api::proto::v1::{self, SourceContacts, SyncRunState};
use tonic::Status;
use tonic::transport::Channel;

use super::company::{self, Version};
use super::process::{Outcome, Serving, copy_folder};

/// Points at which each is struck, of each kind.
const POINTS: u32 = 6;

/// How a source is parted from what belongs to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parting {
    /// Deleted, or else switched off.
    deletes: bool,
    /// Its contacts and phonebooks become local ones, or else are removed.
    keeps: bool,
}

pub(crate) const ALL: [Parting; 4] = [
    Parting { deletes: true, keeps: true },
    Parting { deletes: true, keeps: false },
    Parting { deletes: false, keeps: true },
    Parting { deletes: false, keeps: false },
];

/// What is found afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Everything is as it was.
    Together,
    /// Everything is as it was asked for.
    Parted,
}

async fn part(mut client: SyncServiceClient<Channel>, parting: Parting) -> Result<(), Status> {
    let contacts = if parting.keeps { SourceContacts::KeepAsLocal } else { SourceContacts::Remove };
    if parting.deletes {
        let request =
            v1::DeleteSourceRequest { name: "crm".into(), contacts: contacts.into(), etag: String::new() };
        return client.delete_source(request).await.map(drop);
    }
    let source =
        client.get_source(v1::GetSourceRequest { name: "crm".into() }).await?.into_inner().source.unwrap();
    let source = v1::Source { enabled: Some(false), ..source };
    let request =
        v1::UpdateSourceRequest { source: Some(source), contacts: contacts.into(), ..Default::default() };
    client.update_source(request).await.map(drop)
}

async fn try_to_part(client: SyncServiceClient<Channel>, parting: Parting) -> Outcome {
    match part(client, parting).await {
        Ok(()) => Outcome::Ended(SyncRunState::Succeeded),
        Err(_) => Outcome::ServerGone,
    }
}

/// What there is, read from the store and asked of the server: all of one, or the test fails.
#[track_caller]
fn check(serving: &Serving, parting: Parting, at: &str) -> Found {
    let source = serving.source("crm");
    let found = match &source {
        Some(source) if source.enabled() => Found::Together,
        _ => Found::Parted,
    };
    let (people, of_source) = match (found, parting.keeps) {
        (Found::Together, _) => (company::people(Version::Before), true),
        (Found::Parted, true) => (company::people(Version::Before), false),
        (Found::Parted, false) => Default::default(),
    };
    let ours = if of_source { people.len() as u64 } else { 0 };
    assert_eq!(source.map_or(0, |source| source.contact_count), ours, "{at}: {found:?}");
    let stored = serving.stored(at);
    assert_eq!(stored.people, people, "{at}: {found:?}");
    assert_eq!(stored.contacts_of_sources, ours, "{at}: {found:?}");
    let phonebooks = if people.is_empty() { 0 } else { 3 };
    let (synced, local) = if of_source { (phonebooks, 0) } else { (0, phonebooks) };
    assert_eq!((stored.synced_phonebooks, stored.local_phonebooks), (synced, local), "{at}: {found:?}");
    serving.check_callers(&people, &stored, at);
    found
}

/// Killed somewhere on the way, at the same places in every test run, and then done to its end.
pub(crate) fn is_killed_anywhere(at_rest: &Path, parting: Parting) {
    let folder = tempfile::tempdir().unwrap();
    let copied = || -> PathBuf {
        let to = folder.path().join("data");
        drop(std::fs::remove_dir_all(&to));
        copy_folder(at_rest, &to);
        to
    };
    let (duration, log) = measure(&copied(), parting);
    let mut found = Vec::new();
    for point in 0..POINTS {
        let share = f64::from(point) / f64::from(POINTS);
        for by_log in [true, false] {
            let data = copied();
            let mut serving = Serving::start(&data);
            let watch = serving.watch_log();
            serving.begin_other(move |client| try_to_part(client, parting));
            let start = Instant::now();
            let is_reached = || match by_log {
                true => watch.largest() > 0 && watch.largest() as f64 >= log as f64 * share,
                false => start.elapsed() >= duration.mul_f64(share),
            };
            while !is_reached() && !serving.is_finished() {
                std::hint::spin_loop();
            }
            serving.kill();
            let what = if by_log { "log" } else { "time" };
            let at = format!("{parting:?} killed at {share:.3} of its {what}");
            let serving = Serving::start(&data);
            let state = check(&serving, parting, &at);
            found.push(state);
            if state == Found::Together {
                serving.finish_other(|client| part(client, parting)).unwrap();
                assert_eq!(check(&serving, parting, &at), Found::Parted, "{at}");
            }
            serving.stop();
        }
    }
    eprintln!("{parting:?}, killed {} times, left {found:?}", found.len());
    assert!(found.contains(&Found::Together), "{parting:?}: it was never killed before its commit");
}

/// How long it takes when nothing happens, and how large the write-ahead log gets.
fn measure(data: &Path, parting: Parting) -> (Duration, u64) {
    let serving = Serving::start(data);
    assert_eq!(check(&serving, parting, "at rest"), Found::Together);
    let watch = serving.watch_log();
    let start = Instant::now();
    serving.finish_other(|client| part(client, parting)).unwrap();
    let measured = (start.elapsed(), watch.largest());
    assert_eq!(check(&serving, parting, "undisturbed"), Found::Parted);
    assert!(measured.1 > 10_000, "an edit that writes {} bytes is no test", measured.1);
    serving.stop();
    measured
}
