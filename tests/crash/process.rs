//! The program as it is shipped, as a process that can be struck, and what it left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ringroute::api::proto::v1;
use ringroute::api::proto::v1::SyncRunState;
use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::api::proto::v1::settings_service_client::SettingsServiceClient;
use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use rusqlite::Connection;
use tokio::runtime::Runtime;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use super::company::{self, Person, Version};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is done while something happens.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Job {
    Sync,
    /// To before this run.
    RollbackTo(u64),
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ended(SyncRunState),
    /// The server could not even record that it begins.
    NotStarted,
    ServerGone,
}

/// Largest file that the process may write.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    Bytes(u64),
    None,
}

/// What a store holds.
pub(crate) struct Stored {
    pub(crate) people: BTreeMap<String, Person>,
    pub(crate) generation: u64,
    pub(crate) contacts_of_sources: u64,
    pub(crate) synced_phonebooks: u64,
    pub(crate) local_phonebooks: u64,
}

pub(crate) struct Serving {
    process: Child,
    /// The data folder, as seen from here.
    data: PathBuf,
    runtime: Runtime,
    channel: Channel,
    /// The run that was begun and not waited for.
    begun: Option<tokio::task::JoinHandle<Outcome>>,
    _stdout: BufReader<ChildStdout>,
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// What is stored now, in a copy: the folder may be on a file system that SQLite finds no way to. Nobody writes
/// meanwhile, but the process may still bring its write-ahead log into the file. As long as the log stays, it mends
/// whatever is only half there.
fn copy_of_store(data: &Path) -> (tempfile::TempDir, Connection) {
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("ringroute.db");
    let read_log = || fs::read(data.join("ringroute.db-wal")).unwrap_or_default();
    loop {
        let log = read_log();
        fs::copy(data.join("ringroute.db"), &file).unwrap();
        if log == read_log() {
            fs::write(copy.path().join("ringroute.db-wal"), log).unwrap();
            let store = Connection::open(file).unwrap();
            return (copy, store);
        }
    }
}

/// The number of the last run that is recorded in a data folder.
pub(crate) fn last_run_in(data: &Path) -> u64 {
    let (_copy, store) = copy_of_store(data);
    store.query_row("SELECT coalesce(max(id), 0) FROM sync_run", [], |row| row.get(0)).unwrap()
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_ringroute")
}

impl Serving {
    pub(crate) fn start(data: &Path) -> Self {
        let mut command = Command::new(program());
        Serving::spawn(&mut command, data, data)
    }

    /// Writes beyond a limit fail, rather than end the process.
    pub(crate) fn start_ignoring_limits(data: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#, program()]);
        Serving::spawn(&mut command, data, data)
    }

    fn spawn(command: &mut Command, data: &Path, seen: &Path) -> Self {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("RINGROUTE_")) {
                command.env_remove(name);
            }
        }
        // Elsewhere than where another one is.
        command.env("RINGROUTE_CONSOLE_ADDRESS", "127.0.0.1:0");
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-folder"]).arg(data);
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut process = spawned.unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "it does not start: {line:?}");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let channel = runtime.block_on(Endpoint::from_shared(url).unwrap().connect()).unwrap();
        Serving { process, data: seen.to_owned(), runtime, channel, begun: None, _stdout: stdout }
    }

    fn sync(&self) -> SyncServiceClient<Channel> {
        SyncServiceClient::new(self.channel.clone())
    }

    pub(crate) fn apply(&self, document: &str) {
        let request = v1::ApplySettingsRequest { document: document.to_owned(), ..Default::default() };
        let mut settings = SettingsServiceClient::new(self.channel.clone());
        self.runtime.block_on(settings.apply_settings(request)).unwrap();
    }

    /// Does the job to its end.
    pub(crate) fn finish(&self, job: Job) -> v1::SyncRun {
        self.runtime.block_on(finish(self.sync(), job)).unwrap()
    }

    pub(crate) fn try_finish(&self, job: Job) -> Outcome {
        self.runtime.block_on(try_finish(self.sync(), job))
    }

    /// Begins the job, and does not wait for anything.
    pub(crate) fn begin(&mut self, job: Job) {
        self.begun = Some(self.runtime.spawn(try_finish(self.sync(), job)));
    }

    /// Begins something that is no run.
    pub(crate) fn begin_other<W>(&mut self, work: impl FnOnce(SyncServiceClient<Channel>) -> W)
    where
        W: Future<Output = Outcome> + Send + 'static,
    {
        self.begun = Some(self.runtime.spawn(work(self.sync())));
    }

    /// Does something that is no run, to its end.
    pub(crate) fn finish_other<W: Future>(
        &self,
        work: impl FnOnce(SyncServiceClient<Channel>) -> W,
    ) -> W::Output {
        self.runtime.block_on(work(self.sync()))
    }

    /// A source as the server tells it; `None` when there is none.
    pub(crate) fn source(&self, name: &str) -> Option<v1::Source> {
        let request = v1::GetSourceRequest { name: name.to_owned() };
        match self.finish_other(async |mut client| client.get_source(request).await) {
            Ok(answer) => answer.into_inner().source,
            Err(status) if status.code() == tonic::Code::NotFound => None,
            Err(status) => panic!("{status}"),
        }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.begun.as_ref().is_none_or(tokio::task::JoinHandle::is_finished)
    }

    pub(crate) fn watch_log(&self) -> LogWatch {
        LogWatch::start(self.data.join("ringroute.db-wal"))
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        // It may be gone by itself.
        let _ = self.process.kill();
        self.process.wait().unwrap();
    }

    pub(crate) fn stop(mut self) {
        let signal = format!("kill -TERM {}", self.process.id());
        assert!(Command::new("sh").arg("-c").arg(signal).status().unwrap().success());
        let start = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "it does not stop");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Says whether there is a way to set limits.
    pub(crate) fn limit_files(&self, limit: Limit) -> bool {
        let limit = match limit {
            Limit::Bytes(bytes) => bytes.to_string(),
            Limit::None => "unlimited".to_owned(),
        };
        let mut command = Command::new("prlimit");
        // Only the soft limit, which may be raised again; and nobody wants the core.
        command.args([&format!("--pid={}", self.process.id()), &format!("--fsize={limit}:"), "--core=0"]);
        command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// The last run that is recorded.
    pub(crate) fn last_run(&self) -> v1::SyncRun {
        self.runs().into_iter().next().unwrap()
    }

    /// The last run that changed something.
    pub(crate) fn last_change(&self) -> u64 {
        let changed = |run: &v1::SyncRun| run.state() == SyncRunState::Succeeded;
        self.runs().into_iter().find(changed).unwrap().run_id
    }

    fn runs(&self) -> Vec<v1::SyncRun> {
        let runs = self
            .runtime
            .block_on(async { self.sync().list_sync_runs(v1::ListSyncRunsRequest::default()).await });
        runs.unwrap().into_inner().runs
    }

    /// What is stored, in a store that is sound.
    #[track_caller]
    pub(crate) fn stored(&self, at: &str) -> Stored {
        let (_copy, store) = copy_of_store(&self.data);
        let sound: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok", "{at}");
        assert!(!store.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap(), "{at}");
        let number = |sql: &str| store.query_row(sql, [], |row| row.get(0)).unwrap();
        Stored {
            people: company::stored(&store),
            generation: number("SELECT number FROM generation"),
            contacts_of_sources: number("SELECT count(*) FROM contact WHERE source_id IS NOT NULL"),
            synced_phonebooks: number("SELECT count(*) FROM phonebook WHERE source_id IS NOT NULL"),
            local_phonebooks: number("SELECT count(*) FROM phonebook WHERE source_id IS NULL AND is_local"),
        }
    }

    /// Callers are told of these people, and of nobody else.
    #[track_caller]
    pub(crate) fn check_callers(&self, people: &BTreeMap<String, Person>, stored: &Stored, at: &str) {
        self.runtime.block_on(self.check_answers(people, stored.generation, at));
    }

    /// The store is sound, what it holds is one of `versions` and nothing else, and that is what callers are told.
    #[track_caller]
    pub(crate) fn check(&self, versions: &[Version], at: &str) -> Version {
        let (_copy, store) = copy_of_store(&self.data);
        let stored = self.stored(at);
        let version = versions.iter().find(|version| company::people(**version) == stored.people);
        let Some(version) = version.copied() else {
            panic!("{at}: {} contacts are stored that are neither generation's", stored.people.len());
        };
        let phonebooks: BTreeSet<String> = store
            .prepare("SELECT name FROM phonebook WHERE EXISTS (SELECT 1 FROM phonebook_contact WHERE phonebook_id = id)")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let expected: BTreeSet<String> =
            stored.people.values().map(|person| person.team.to_owned()).collect();
        assert_eq!(phonebooks, expected, "{at}");
        self.check_callers(&company::people(version), &stored, at);
        version
    }

    async fn check_answers(&self, people: &BTreeMap<String, Person>, generation: u64, at: &str) {
        let mut calls = CallRoutingServiceClient::new(self.channel.clone());
        let anybody = company::people(Version::Before).into_iter().chain(company::people(Version::After));
        for (key, person) in anybody.step_by(61) {
            let request = v1::MatchCallerRequest { caller: person.phone, trunk: String::new() };
            let answer = calls.match_caller(request).await.unwrap().into_inner();
            assert_eq!(answer.generation, generation, "{at}");
            let told: Vec<(&str, &str, &[String])> = answer
                .contacts
                .iter()
                .map(|found| (found.source_key.as_str(), found.display_name.as_str(), &*found.phonebooks))
                .collect();
            match people.get(&key) {
                None => assert!(told.is_empty(), "{at}: {told:?}"),
                Some(person) => {
                    let team = [person.team.to_owned()];
                    assert_eq!(told, [(key.as_str(), person.name.as_str(), &team[..])], "{at}");
                }
            }
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn start(client: &mut SyncServiceClient<Channel>, job: Job) -> Result<v1::SyncRun, Status> {
    let run = match job {
        Job::Sync => {
            let request = v1::StartSyncRequest { source: "crm".into(), allow_preview: None };
            client.start_sync(request).await?.into_inner().run
        }
        Job::RollbackTo(run_id) => {
            let request = v1::RollbackSyncRequest { run_id, dry_run: false };
            client.rollback_sync(request).await?.into_inner().run
        }
    };
    Ok(run.unwrap())
}

async fn finish(mut client: SyncServiceClient<Channel>, job: Job) -> Result<v1::SyncRun, Status> {
    let run_id = start(&mut client, job).await?.run_id;
    let end = async {
        let mut news = client.watch_sync(v1::WatchSyncRequest { run_id }).await?.into_inner();
        while let Some(message) = news.message().await? {
            if let Some(run) = message.progress.and_then(|progress| progress.run) {
                return Ok(run);
            }
        }
        Err(Status::unavailable("the stream ended"))
    };
    tokio::time::timeout(PATIENCE, end).await.unwrap()
}

async fn try_finish(client: SyncServiceClient<Channel>, job: Job) -> Outcome {
    match finish(client, job).await {
        Ok(run) => Outcome::Ended(run.state()),
        Err(status) if status.message().starts_with("the server could not do this") => Outcome::NotStarted,
        Err(_) => Outcome::ServerGone,
    }
}

/// Looks how large the write-ahead log has become, all the time.
pub(crate) struct LogWatch {
    largest: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl LogWatch {
    fn start(file: PathBuf) -> Self {
        let (largest, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, stop) = (Arc::clone(&largest), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                seen.fetch_max(fs::metadata(&file).map_or(0, |file| file.len()), Ordering::Relaxed);
                std::thread::sleep(Duration::from_micros(20));
            }
        });
        LogWatch { largest, is_over, thread: Some(thread) }
    }

    pub(crate) fn largest(&self) -> u64 {
        self.largest.load(Ordering::Relaxed)
    }
}

impl Drop for LogWatch {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A small file system in memory, which exists only for the process that holds it and those that join it.
pub(crate) struct SmallDisk {
    holder: Child,
    /// Closed with the test, whereupon the holder ends.
    _stdin: ChildStdin,
    folder: PathBuf,
    /// How to become somebody who sees it.
    join: Vec<String>,
}

impl SmallDisk {
    /// `None` where nobody lets us.
    pub(crate) fn mount(folder: &Path, bytes: u64) -> Option<Self> {
        let folder = folder.join("disk");
        fs::create_dir_all(&folder).unwrap();
        let as_we_are: (&[&str], &[&str]) = (&["--mount"], &["--mount"]);
        let as_root_of_our_own: (&[&str], &[&str]) =
            (&["--user", "--map-root-user", "--mount"], &["--user", "--preserve-credentials", "--mount"]);
        [as_we_are, as_root_of_our_own].into_iter().find_map(|(unshare, join)| {
            let script = format!(r#"mount -t tmpfs -o size={bytes} tmpfs "$0" && echo ready && exec cat"#);
            let mut command = Command::new("unshare");
            command.args(unshare).args(["sh", "-c", &script]).arg(&folder);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut holder = command.spawn().ok()?;
            let mut line = String::new();
            BufReader::new(holder.stdout.take()?).read_line(&mut line).ok()?;
            if line.trim() != "ready" {
                let _ = holder.wait();
                return None;
            }
            let mut join: Vec<String> = join.iter().map(ToString::to_string).collect();
            join.insert(0, format!("--target={}", holder.id()));
            Some(SmallDisk { _stdin: holder.stdin.take()?, holder, folder: folder.clone(), join })
        })
    }

    pub(crate) fn seen_from_outside(&self) -> PathBuf {
        let folder = self.folder.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(folder)
    }

    pub(crate) fn serve(&self, data: &str) -> Serving {
        let mut command = Command::new("nsenter");
        command.args(&self.join).arg(program());
        Serving::spawn(&mut command, &self.folder.join(data), &self.seen_from_outside().join(data))
    }

    fn ballast(&self) -> PathBuf {
        self.seen_from_outside().join("ballast")
    }

    /// Fills the disk but for so many bytes.
    pub(crate) fn leave_room(&self, bytes: u64) {
        let mut file = File::create(self.ballast()).unwrap();
        let full = loop {
            if let Err(error) = file.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull, "{full}");
        let length = file.metadata().unwrap().len();
        file.set_len(length.checked_sub(bytes).unwrap()).unwrap();
    }

    pub(crate) fn make_room(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
