//! The start of the real program, from a data folder with so many contacts to the first call that is answered.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::api::proto::v1::{MatchCallerRequest, MatchStatus};
use ringroute::demo::sample;
use ringroute::settings::Settings;
use ringroute::sync::RunKind;

use crate::support::server;

pub(crate) struct Started {
    /// How long the first sync took, from an SQLite file.
    pub(crate) sync: Duration,
    pub(crate) store_bytes: u64,
    /// Seconds from the start of the process until it said where it listens, by round.
    pub(crate) listens: Vec<f64>,
    /// The same until a call was answered.
    pub(crate) first_answers: Vec<f64>,
}

pub(crate) fn measure(contacts: u32, rounds: usize) -> Started {
    let folder = tempfile::tempdir().unwrap();
    let data_folder = folder.path().join("data");
    let sync = fill(&data_folder, folder.path(), contacts);
    let store_bytes = std::fs::metadata(data_folder.join("ringroute.db")).unwrap().len();
    let mut started = Started { sync, store_bytes, listens: Vec::new(), first_answers: Vec::new() };
    // The first one brings the files into memory.
    for round in 0..=rounds {
        let (listens, first_answer) = start(&data_folder);
        if round > 0 {
            started.listens.push(listens.as_secs_f64());
            started.first_answers.push(first_answer.as_secs_f64());
        }
    }
    started
}

/// Synchronises the company, and writes what is served as a server does. Returns how long the sync took.
fn fill(data_folder: &Path, folder: &Path, contacts: u32) -> Duration {
    let database = folder.join("company.db");
    sample::write(&database, contacts).unwrap();
    let mut settings: Settings = sample::settings(&database);
    settings.limits.contacts = Some(contacts.into());
    let runtime = server::runtime();
    let engine = server::engine(data_folder, &settings);
    let (taken, _) = server::synchronise(&runtime, &engine, sample::SOURCE_NAME, RunKind::Sync);
    engine.write_last_good().unwrap();
    std::fs::remove_file(database).unwrap();
    taken
}

/// Ends with what is measured, however that ends.
struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn start(data_folder: &Path) -> (Duration, Duration) {
    let runtime = server::runtime();
    let [known, ..] = sample::TELLING_CALLERS;
    let start = Instant::now();
    let serving = Command::new(env!("CARGO_BIN_EXE_ringroute"))
        .args(["serve", "--no-console", "--listen", "127.0.0.1:0", "--data-folder"])
        .arg(data_folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut serving = Serving(serving.unwrap());
    let mut line = String::new();
    BufReader::new(serving.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let listens = start.elapsed();
    let url = line.trim().rsplit(' ').next().unwrap().to_owned();
    let answer = runtime.block_on(async {
        let mut client = CallRoutingServiceClient::connect(url).await.unwrap();
        let request = MatchCallerRequest { caller: format!("+{}", known.e164), trunk: String::new() };
        client.match_caller(request).await.unwrap().into_inner()
    });
    let first_answer = start.elapsed();
    assert_eq!(answer.status(), MatchStatus::Matched);
    (listens, first_answer)
}
