//! Start, reload and stop, as a service manager sees them: real signals, and a real datagram socket.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use crate::company::{Company, make_database, settings};

/// Longest wait for a message that would never come if it did not come soon.
const PATIENCE: Duration = Duration::from_secs(60);

struct Manager(UnixDatagram);

impl Manager {
    fn listen(path: &std::path::Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager(socket)
    }

    /// Reads messages until one has this in it, and returns it.
    fn until(&self, part: &str) -> String {
        loop {
            let mut buffer = [0; 4096];
            let length = self.0.recv(&mut buffer).unwrap_or_else(|error| panic!("no {part}: {error}"));
            let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if message.contains(part) {
                return message;
            }
        }
    }
}

fn signal(company: &Company, name: &str) {
    let process = company.program.process_id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &process]).status().unwrap().success());
}

/// A company whose server was started by a service manager, with this configuration in its folder.
fn managed(configuration: &str, more: &[(&str, &str)]) -> (Manager, Company) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = Manager::listen(&socket);
    std::fs::write(folder.path().join("ringroute.toml"), configuration).unwrap();
    make_database(&folder.path().join("company.db"));
    // An empty variable is none: the file decides.
    let environment =
        [&[("NOTIFY_SOCKET", socket.to_str().unwrap()), ("RINGROUTE_LOG_LEVEL", "")], more].concat();
    let company = Company::start_in(folder, &environment);
    (manager, company)
}

#[test]
fn the_service_manager_is_told_how_things_are() {
    let (manager, mut company) = managed("", &[("WATCHDOG_USEC", "400000")]);
    let ready = manager.until("READY=1");
    assert!(ready.contains("STATUS=waiting for settings"), "{ready}");
    // Alive, and again.
    manager.until("WATCHDOG=1");
    manager.until("WATCHDOG=1");
    company.apply(&settings(&company.database()));
    manager.until("STATUS=serving generation 1: 0 contacts");
    company.run(&["sync", "run", "crm"]);
    manager.until("STATUS=serving generation 2: 3 contacts");
    signal(&company, "TERM");
    manager.until("STOPPING=1");
    assert!(company.program.wait().success());
}

#[test]
fn a_hang_up_takes_over_what_can_be_and_names_the_rest() {
    let (manager, company) = managed("[log]\nlevel = \"error\"", &[]);
    manager.until("READY=1");
    company.fill();
    assert_eq!(company.program.log(), "", "nothing of it is an error");
    let file = company.folder.path().join("ringroute.toml");
    std::fs::write(&file, "metrics = \"127.0.0.1:9\"\n[log]\nlevel = \"info\"\nformat = \"json\"").unwrap();
    signal(&company, "HUP");
    let reloading = manager.until("RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    manager.until("READY=1");
    let log = company.program.log();
    assert!(log.contains("the configuration was read again"), "{log}");
    // The environment has the address of the metrics, so that is as it was.
    assert!(log.contains("only a restart takes that over keys=\"log.format\""), "{log}");
    // Not only that line: the level is another.
    company.run(&["sync", "run", "crm"]);
    assert!(company.program.log().contains("sync run finished"));
}

#[test]
fn a_broken_configuration_changes_nothing() {
    let (manager, company) = managed("", &[]);
    manager.until("READY=1");
    company.fill();
    std::fs::write(company.folder.path().join("ringroute.toml"), "listn = \"127.0.0.1:1\"").unwrap();
    signal(&company, "HUP");
    manager.until("RELOADING=1");
    manager.until("READY=1");
    let log = company.program.log();
    assert!(log.contains("the configuration was not taken over") && log.contains("listn"), "{log}");
    assert!(company.run(&["status"]).starts_with("Healthy"));
}

#[test]
fn readiness_ends_when_the_stop_begins_and_liveness_with_the_process() {
    let (manager, mut company) = managed("", &[]);
    company.fill();
    // A run that never ends keeps the server busy until the stop cancels it; a connection that says nothing keeps
    // the door open for its whole time.
    let (_, address) = company.program.url.split_once("//").unwrap();
    let idle = std::net::TcpStream::connect(address).unwrap();
    assert_eq!(company.get("/readyz").0, 200);
    signal(&company, "TERM");
    manager.until("STOPPING=1");
    assert_eq!(company.get("/readyz"), (503, "the server was told to stop\n".into()));
    assert_eq!(company.get("/healthz").0, 200);
    drop(idle);
    assert!(company.program.wait().success());
}
