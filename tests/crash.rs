//! The process really killed, and the disk really full, in the middle of a sync and of a rollback: afterwards it
//! is the generation before or the one after, whole, and the next run succeeds. The same for a source that is
//! deleted or switched off, its contacts kept or removed.
//!
//! Two models are known beforehand, the company before and the company after; what is stored and what callers are
//! told is compared with both. The program is the one that is shipped: nothing in it knows of these tests. A run is
//! struck
//! * by SIGKILL, when the write-ahead log has grown so far, or so much of the time has passed that a run takes;
//! * by SIGXFSZ at an exact byte of a file: the system kills who writes beyond a limit;
//! * by a write that fails: beyond a limit, and on a small file system that is full.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "crash/company.rs"]
mod company;
#[path = "crash/parting.rs"]
mod parting;
#[path = "crash/process.rs"]
mod process;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use company::Version;
use process::{Job, Limit, Outcome, Serving, copy_folder};
use ringroute::api::proto::v1;
use ringroute::api::proto::v1::SyncRunState;
use tonic::Code;

/// Points at which a run is struck, of each kind.
const POINTS: u64 = 12;

/// A data folder at rest, and what a run makes of it.
struct Stage {
    folder: tempfile::TempDir,
    job: Job,
    before: Version,
    after: Version,
    /// How long the run takes when nothing happens, and how large its write-ahead log gets.
    duration: Duration,
    log: u64,
}

impl Stage {
    fn data(&self) -> PathBuf {
        self.folder.path().join("at rest")
    }

    /// The company before is stored, its source is the company after.
    fn before_sync() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("company.db");
        let data = folder.path().join("at rest");
        company::write(&source, Version::Before);
        let serving = Serving::start(&data);
        serving.apply(&company::settings(&source));
        assert_eq!(serving.finish(Job::Sync).state(), SyncRunState::Succeeded);
        serving.stop();
        company::write(&source, Version::After);
        let stage = Stage {
            folder,
            job: Job::Sync,
            before: Version::Before,
            after: Version::After,
            duration: Duration::ZERO,
            log: 0,
        };
        stage.measured()
    }

    /// The company after is stored, by a run that is to be rolled back.
    fn before_rollback() -> Self {
        let Stage { folder, job, .. } = Stage::before_sync();
        let serving = Serving::start(&folder.path().join("at rest"));
        let run = serving.finish(job);
        assert_eq!(run.state(), SyncRunState::Succeeded);
        serving.stop();
        let stage = Stage {
            folder,
            job: Job::RollbackTo(run.run_id),
            before: Version::After,
            after: Version::Before,
            duration: Duration::ZERO,
            log: 0,
        };
        stage.measured()
    }

    fn measured(mut self) -> Self {
        let data = self.copied();
        let serving = Serving::start(&data);
        let start = Instant::now();
        let watch = serving.watch_log();
        let run = serving.finish(self.job);
        self.duration = start.elapsed();
        self.log = watch.largest();
        assert_eq!(run.state(), SyncRunState::Succeeded, "{}", run.failure);
        assert!(self.log > 100_000, "a run that writes {} bytes is no test", self.log);
        serving.stop();
        self
    }

    /// A fresh copy to be hurt.
    fn copied(&self) -> PathBuf {
        let to = self.folder.path().join("data");
        drop(std::fs::remove_dir_all(&to));
        copy_folder(&self.data(), &to);
        to
    }

    /// What a killed process left is one of the two, whole, and the next run succeeds. Says which it was.
    fn check_after_kill(&self, data: &Path, point: &str) -> Version {
        let serving = Serving::start(data);
        let found = serving.check(&[self.before, self.after], point);
        let last = serving.last_run();
        let (expected, run) = match found == self.after {
            true => (SyncRunState::Succeeded, "recorded with what it did"),
            false => (SyncRunState::Failed, "recorded as interrupted"),
        };
        // A process that was struck before it recorded the run knows nothing of it.
        if last.run_id > process::last_run_in(&self.data()) {
            assert_eq!(last.state(), expected, "{point}: the run should be {run}: {last:?}");
        } else {
            assert_eq!(found, self.before, "{point}");
        }
        if found == self.before {
            let next = serving.finish(self.job);
            assert_eq!(next.state(), SyncRunState::Succeeded, "{point}: {}", next.failure);
            serving.check(&[self.after], point);
        } else {
            // And what was done can be taken back.
            let back = serving.finish(Job::RollbackTo(last.run_id));
            assert_eq!(back.state(), SyncRunState::Succeeded, "{point}: {}", back.failure);
            serving.check(&[self.before], point);
        }
        serving.stop();
        found
    }

    fn is_killed_anywhere(&self) {
        // Somewhere between two points, another place in each, the same in every test run.
        let mut random: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut found = Vec::new();
        for point in 0..POINTS {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let share = (point * 1000 + (random >> 33) % 1000) as f64 / (POINTS * 1000) as f64;
            for by_log in [true, false] {
                let data = self.copied();
                let mut serving = Serving::start(&data);
                let log = serving.watch_log();
                serving.begin(self.job);
                let start = Instant::now();
                let is_reached = || match by_log {
                    true => log.largest() as f64 >= self.log as f64 * share && log.largest() > 0,
                    false => start.elapsed() >= self.duration.mul_f64(share),
                };
                while !is_reached() && !serving.is_finished() {
                    std::hint::spin_loop();
                }
                serving.kill();
                let what = if by_log { "log" } else { "time" };
                let point = format!("{:?} killed at {share:.3} of its {what}", self.job);
                found.push(self.check_after_kill(&data, &point));
            }
        }
        eprintln!("{:?}, killed {} times, left {found:?}", self.job, found.len());
        assert!(found.contains(&self.before), "no run was killed before its commit");
    }

    fn is_killed_at_a_byte(&self) {
        let (mut struck, mut found) = (0, Vec::new());
        for point in 1..=POINTS {
            let data = self.copied();
            let mut serving = Serving::start(&data);
            let limit = self.log * point / POINTS;
            if !serving.limit_files(Limit::Bytes(limit)) {
                eprintln!("SKIPPED: limits of file sizes need `prlimit` (util-linux)");
                return;
            }
            let ended = serving.try_finish(self.job);
            if ended == Outcome::ServerGone {
                struck += 1;
            }
            serving.kill();
            found.push(self.check_after_kill(&data, &format!("{:?} struck at byte {limit}", self.job)));
        }
        eprintln!("{:?}, struck by the limit at {struck} of {POINTS} points, left {found:?}", self.job);
        assert!(struck > 0, "no limit was ever reached");
    }

    /// The process goes on: it serves what it served, and the next run succeeds as soon as there is room.
    fn fails_to_write_and_goes_on(&self) {
        let mut failed = 0;
        for point in 1..=POINTS {
            let data = self.copied();
            let serving = Serving::start_ignoring_limits(&data);
            let limit = self.log * point / POINTS;
            if !serving.limit_files(Limit::Bytes(limit)) {
                eprintln!("SKIPPED: limits of file sizes need `prlimit` (util-linux)");
                return;
            }
            let outcome = serving.try_finish(self.job);
            let at = format!("{:?}, no byte beyond {limit}", self.job);
            serving.limit_files(Limit::None);
            match outcome {
                Outcome::Ended(SyncRunState::Succeeded) => drop(serving.check(&[self.after], &at)),
                Outcome::Ended(SyncRunState::Failed) | Outcome::NotStarted => {
                    failed += 1;
                    serving.check(&[self.before], &at);
                    assert_eq!(serving.finish(self.job).state(), SyncRunState::Succeeded, "{at}");
                    serving.check(&[self.after], &at);
                }
                other => panic!("{at}: {other:?}"),
            }
            serving.stop();
        }
        eprintln!("{:?}, failed at {failed} of {POINTS} limits", self.job);
        assert!(failed > 0, "no limit was ever reached");
    }
}

#[test]
fn a_sync_that_is_killed_anywhere_leaves_one_generation_whole() {
    Stage::before_sync().is_killed_anywhere();
}

#[test]
fn a_rollback_that_is_killed_anywhere_leaves_one_generation_whole() {
    Stage::before_rollback().is_killed_anywhere();
}

#[test]
fn a_source_that_is_parted_from_its_contacts_while_the_process_is_killed_is_parted_whole_or_not_at_all() {
    let stage = Stage::before_sync();
    for parting in parting::ALL {
        parting::is_killed_anywhere(&stage.data(), parting);
    }
}

#[test]
fn a_process_that_is_killed_at_an_exact_byte_leaves_one_generation_whole() {
    Stage::before_sync().is_killed_at_a_byte();
    Stage::before_rollback().is_killed_at_a_byte();
}

#[test]
fn a_write_that_fails_changes_nothing_and_the_process_goes_on() {
    Stage::before_sync().fails_to_write_and_goes_on();
    Stage::before_rollback().fails_to_write_and_goes_on();
}

/// A file system of its own with the data folder, in a mount namespace of its own: it goes with the process that holds
/// it.
fn small_disk(stage: &Stage) -> Option<process::SmallDisk> {
    let disk = process::SmallDisk::mount(stage.folder.path(), 48 * 1024 * 1024);
    match &disk {
        Some(disk) => copy_folder(&stage.data(), &disk.seen_from_outside().join("data")),
        None => eprintln!(
            "SKIPPED: a small file system cannot be mounted here (needs root, or user namespaces for everybody); \
             writes that fail are tested by limits of file sizes"
        ),
    }
    disk
}

#[test]
fn a_full_disk_changes_nothing_and_the_process_goes_on() {
    let stage = Stage::before_sync();
    let Some(disk) = small_disk(&stage) else { return };
    let serving = disk.serve("data");
    let mut failed = 0;
    for point in 1..=POINTS {
        // The way there, and the way back.
        for (before, after) in [(Version::Before, Version::After), (Version::After, Version::Before)] {
            let job = || match after {
                Version::After => Job::Sync,
                Version::Before => Job::RollbackTo(serving.last_change()),
            };
            let room = stage.log * 2 * point / POINTS;
            let (job, at) = (job(), format!("{:?} with {room} bytes of room", job()));
            disk.leave_room(room);
            let outcome = serving.try_finish(job);
            disk.make_room();
            match outcome {
                Outcome::Ended(SyncRunState::Succeeded) => drop(serving.check(&[after], &at)),
                Outcome::Ended(SyncRunState::Failed) | Outcome::NotStarted => {
                    failed += 1;
                    serving.check(&[before], &at);
                    let next = serving.finish(job);
                    assert_eq!(next.state(), SyncRunState::Succeeded, "{at}: {}", next.failure);
                    serving.check(&[after], &at);
                }
                other => panic!("{at}: {other:?}"),
            }
        }
    }
    eprintln!("{failed} of {} runs found the disk full", 2 * POINTS);
    assert!(failed > 1, "the disk was never full");
    serving.stop();
}

/// Started again before anybody has made room, it answers calls, and says what it cannot do.
#[test]
fn a_start_on_a_full_disk_answers_calls() {
    let stage = Stage::before_sync();
    let Some(disk) = small_disk(&stage) else { return };
    for was_killed in [false, true] {
        let at = if was_killed { "after a kill" } else { "after a stop" };
        disk.leave_room(0);
        let serving = disk.serve("data");
        serving.check(&[Version::Before], at);
        let list = v1::ListSyncRunsRequest::default();
        let refused = serving.finish_other(async |mut client| client.list_sync_runs(list).await).unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{at}: {refused}");
        assert!(refused.message().contains("could not be made ready"), "{at}: {refused}");
        serving.check(&[Version::Before], at);
        serving.stop();
        disk.make_room();
        let mut serving = disk.serve("data");
        serving.check(&[Version::Before], at);
        match was_killed {
            false => serving.kill(),
            true => {
                assert_eq!(serving.finish(Job::Sync).state(), SyncRunState::Succeeded);
                serving.check(&[Version::After], at);
                serving.stop();
            }
        }
    }
}
