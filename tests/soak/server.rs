//! The server as a process: started, stopped, killed, looked at; and what it is to those who ask it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Longer than a start or an end takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the server is, by the number of its start; `None` while it is down, by design.
pub(crate) type Whereabouts = Option<(u64, String)>;

/// What one process took.
#[derive(Debug, Default)]
pub(crate) struct Life {
    pub(crate) process: u32,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) at: Instant,
    /// Resident, in KiB.
    pub(crate) memory: u64,
    /// Open file descriptors.
    pub(crate) files: u64,
}

pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    process: Mutex<Option<(Child, BufReader<ChildStdout>)>>,
    place: watch::Sender<Whereabouts>,
    lives: Mutex<Vec<Life>>,
}

/// The program that was just built, or the one that `RINGROUTE_SOAK_PROGRAM` names, such as an installed one.
pub(crate) fn program() -> Command {
    let named = std::env::var_os("RINGROUTE_SOAK_PROGRAM");
    let mut command = Command::new(named.unwrap_or_else(|| env!("CARGO_BIN_EXE_ringroute").into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("RINGROUTE_")) {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

impl Server {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Server {
            folder: folder.to_owned(),
            process: Mutex::new(None),
            place: watch::Sender::new(None),
            lives: Mutex::default(),
        }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub(crate) fn place(&self) -> watch::Receiver<Whereabouts> {
        self.place.subscribe()
    }

    /// Where it is; only while it is up.
    pub(crate) fn url(&self) -> String {
        self.place.borrow().clone().unwrap().1
    }

    pub(crate) fn start(&self) {
        let log = File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = program();
        command.args(["serve", "--no-console", "--listen", "127.0.0.1:0", "--data-folder"]).arg(self.data());
        let mut process = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://"), "it does not start: {line:?}; see {}", self.log().display());
        let mut lives = self.lives.lock().unwrap();
        lives.push(Life { process: process.id(), samples: Vec::new() });
        *self.process.lock().unwrap() = Some((process, stdout));
        self.place.send_replace(Some((lives.len() as u64, url)));
    }

    /// Whoever asks from now on waits; whoever asks already may be cut off.
    fn goes_down(&self) -> (Child, BufReader<ChildStdout>) {
        self.place.send_replace(None);
        self.process.lock().unwrap().take().unwrap()
    }

    /// SIGTERM; ends well, and in time.
    pub(crate) fn stop(&self) {
        let (mut process, _stdout) = self.goes_down();
        let told = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
        assert!(told.success());
        let start = Instant::now();
        let status = loop {
            if let Some(status) = process.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not stop");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "it ended with {status}");
    }

    /// SIGKILL.
    pub(crate) fn kill(&self) {
        let (mut process, _stdout) = self.goes_down();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Looks what the process takes now.
    pub(crate) fn sample(&self) {
        let mut lives = self.lives.lock().unwrap();
        let Some(life) = lives.last_mut() else { return };
        let about = Path::new("/proc").join(life.process.to_string());
        // It may be gone at the moment.
        let Ok(status) = fs::read_to_string(about.join("status")) else { return };
        let Ok(files) = fs::read_dir(about.join("fd")) else { return };
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let Some(memory) = resident.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok()) else {
            return;
        };
        life.samples.push(Sample { at: Instant::now(), memory, files: files.count() as u64 });
    }

    pub(crate) fn lives(&self) -> Vec<Life> {
        std::mem::take(&mut self.lives.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((mut process, _)) = self.process.lock().unwrap().take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
