//! The program itself, as a server whose log is kept, and its commands.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// `ringroute`, with nothing of this process's own settings.
pub fn ringroute(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringroute"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("RINGROUTE_")) {
            command.env_remove(name);
        }
    }
    command
}

/// What a command printed, wherever to.
pub fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `ringroute serve` on a port and in a folder of its own. It ends with the test.
pub struct Program {
    process: Child,
    pub url: String,
    log: PathBuf,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Serves from `folder`, with `environment`, and logs everything unless that says otherwise.
    pub fn serve(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let log = folder.join("log");
        let mut command = ringroute(&["serve", "--listen", "127.0.0.1:0", "--data-folder"]);
        command.arg(folder.join("data")).current_dir(folder).env("RINGROUTE_LOG_LEVEL", "trace");
        // Elsewhere than where another one is.
        command.env("RINGROUTE_CONSOLE_ADDRESS", "127.0.0.1:0");
        command.envs(environment.iter().copied());
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let mut process = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        let told = std::fs::read_to_string(&log).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}{told}");
        Program { process, url, log, stdout }
    }

    /// The rest of the next line that begins like this.
    pub fn line_after(&mut self, beginning: &str) -> String {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).unwrap() > 0 {
            if let Some(rest) = line.strip_prefix(beginning) {
                return rest.trim_end().to_owned();
            }
            line.clear();
        }
        panic!("no line begins with {beginning:?}: {}", self.log());
    }

    /// Its number.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it ends by itself, and says how.
    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.process.wait().unwrap()
    }

    /// A command of which this is the server.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ringroute(arguments);
        command.env("RINGROUTE_SERVER", &self.url);
        command
    }

    /// Ends the server, and says what it logged.
    pub fn end(mut self) -> String {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
