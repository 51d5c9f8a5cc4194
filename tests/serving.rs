//! The program as other machines, and other processes, reach it: TLS, tokens, Unix domain sockets, and what it refuses.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "support/certificates.rs"]
mod certificates;
#[path = "serving/https.rs"]
mod https;
#[path = "support/program.rs"]
mod program;

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use certificates::Certificates;
use program::{printed, ringroute};

/// `ringroute serve` with a configuration, until the end of the test.
struct Serving {
    process: Child,
    url: String,
    /// Kept open: a server whose output nobody takes ends.
    output: BufReader<ChildStdout>,
    manager: UnixDatagram,
}

impl Serving {
    fn start(folder: &Path, configuration: &str) -> Self {
        std::fs::write(folder.join("ringroute.toml"), configuration).unwrap();
        let socket = folder.join("notify");
        let _ = std::fs::remove_file(&socket);
        let manager = UnixDatagram::bind(&socket).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut command = ringroute(&["serve"]);
        command.env("NOTIFY_SOCKET", socket);
        let mut process =
            command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Ringroute listens on ").unwrap_or_default().to_owned();
        let serving = Serving { process, url, output, manager };
        serving.until("READY=1");
        serving
    }

    /// What comes behind that in the lines that it prints.
    fn printed(&mut self, before: &str) -> String {
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "{before} is not printed");
            if let Some(rest) = line.trim().strip_prefix(before) {
                return rest.to_owned();
            }
        }
    }

    /// Waits until the service manager is told that.
    fn until(&self, part: &str) {
        let mut buffer = [0; 4096];
        loop {
            let length = self.manager.recv(&mut buffer).unwrap_or_else(|error| panic!("no {part}: {error}"));
            if String::from_utf8_lossy(&buffer[..length]).contains(part) {
                return;
            }
        }
    }

    /// Has it read its configuration again, and waits until it has.
    fn reload(&self) {
        let process = self.process.id().to_string();
        assert!(Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
        self.until("RELOADING=1");
        self.until("READY=1");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    ringroute(arguments).current_dir(folder).output().unwrap()
}

fn refused(folder: &Path, configuration: &str) -> String {
    std::fs::write(folder.join("ringroute.toml"), configuration).unwrap();
    let output = run(folder, &["serve"]);
    assert_eq!(output.status.code(), Some(1), "{}", printed(&output));
    printed(&output)
}

#[test]
fn other_machines_are_let_in_only_with_a_certificate_and_a_token() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let certificates = Certificates::new(folder);
    let exposed = "listen = '0.0.0.0:0'\ndata_folder = 'data'\n";
    let problem = refused(folder, exposed);
    assert!(problem.contains("set [tls] and make a token"), "{problem}");
    assert!(!folder.join("data").exists(), "what is refused changes nothing");
    let missing = refused(folder, &format!("{exposed}[tls]\ncertificate = 'no.pem'\nkey = 'no.pem'"));
    assert!(missing.contains("tls.certificate no.pem: cannot be read"), "{missing}");
    let encrypted = format!("{exposed}[tls]\ncertificate = 'server.pem'\nkey = 'server-key.pem'");
    let problem = refused(folder, &encrypted);
    assert!(problem.contains("ringroute token create NAME --role admin --data-folder data"), "{problem}");

    let made = run(folder, &["token", "create", "me", "--role", "admin", "--data-folder", "data"]);
    assert!(made.status.success(), "{}", printed(&made));
    std::fs::write(folder.join("token"), &made.stdout).unwrap();
    let serving = Serving::start(folder, &encrypted);
    let port = serving.url.strip_prefix("https://0.0.0.0:").unwrap().to_owned();
    let server = format!("https://127.0.0.1:{port}");
    let ca = certificates.ca_file.to_str().unwrap();
    let ask = |more: &[&str]| run(folder, &[&["token", "list", "--server", &server], more].concat());
    let told = ask(&["--ca", ca, "--token", "file:token"]);
    assert!(told.status.success() && printed(&told).contains("me"), "{}", printed(&told));
    let nobody = ask(&["--ca", ca]);
    assert_eq!(nobody.status.code(), Some(5), "{}", printed(&nobody));
    assert!(printed(&nobody).contains("this server asks for a token"), "{}", printed(&nobody));
    let unknown_authority = ask(&["--token", "file:token"]);
    assert_eq!(unknown_authority.status.code(), Some(3), "{}", printed(&unknown_authority));
    assert!(printed(&unknown_authority).contains("--ca FILE"), "{}", printed(&unknown_authority));
    let no_authority = ask(&["--ca", "token"]);
    assert_eq!(no_authority.status.code(), Some(2), "{}", printed(&no_authority));
    assert!(printed(&no_authority).contains("--ca token: has no certificate"), "{}", printed(&no_authority));

    let in_use = run(folder, &["token", "list", "--data-folder", "data"]);
    assert!(printed(&in_use).contains("or ask the server that has it"), "{}", printed(&in_use));
}

#[test]
fn the_console_and_the_metrics_are_encrypted_by_the_same_rule_and_metrics_are_told_to_who_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let certificates = Certificates::new(folder);
    let local = "listen = '127.0.0.1:0'\ndata_folder = 'data'\n";
    let problem = refused(folder, &format!("{local}console.address = '0.0.0.0:0'"));
    assert!(
        problem.contains("console.address = \"0.0.0.0:0\"") && problem.contains("Set [tls]"),
        "{problem}"
    );
    let problem = refused(folder, &format!("{local}metrics = '0.0.0.0:0'"));
    assert!(problem.contains("metrics = \"0.0.0.0:0\"") && problem.contains("set [tls]"), "{problem}");
    let configuration = format!(
        "{local}metrics = '0.0.0.0:0'\n[console]\naddress = '0.0.0.0:0'\nhosts = ['localhost']\n\
         [tls]\ncertificate = 'server.pem'\nkey = 'server-key.pem'"
    );
    let problem = refused(folder, &configuration);
    assert!(
        problem.contains("metrics = \"0.0.0.0:0\" lets other machines in, and there is no token"),
        "{problem}"
    );

    let [viewer, lookup] = ["viewer", "lookup"].map(|role| {
        let made = run(folder, &["token", "create", role, "--role", role, "--data-folder", "data"]);
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    });
    let mut serving = Serving::start(folder, &configuration);
    let console = serving.printed("The console is on https://localhost:");
    let first = serving.printed(&format!("https://localhost:{console}/"));
    let metrics = serving.printed("Metrics are at https://0.0.0.0:");
    let (console, metrics) =
        (console.parse().unwrap(), metrics.strip_suffix("/metrics").unwrap().parse().unwrap());
    let get = |port, path: &str, token| https::get(&certificates.ca_file, port, path, token);

    let (status, page) = get(console, "/sign-in", None);
    assert_eq!(status, 200, "{page}");
    assert_eq!(get(console, &format!("/{first}"), None).0, 200);
    assert!(https::is_cut_off_without_tls(console) && https::is_cut_off_without_tls(metrics));

    assert_eq!(get(metrics, "/metrics", None).0, 401);
    assert_eq!(get(metrics, "/metrics", Some("rr_1_00")).0, 401);
    let (status, problem) = get(metrics, "/metrics", Some(&lookup));
    assert_eq!(status, 403);
    assert!(problem.contains("the role viewer does"), "{problem}");
    let (status, text) = get(metrics, "/metrics", Some(&viewer));
    assert_eq!(status, 200, "{text}");
    assert!(text.contains("ringroute_tokens_refused_total 2"), "{text}");
    assert_eq!(get(metrics, "/healthz", None), (200, "alive\n".into()));
    assert_eq!(get(metrics, "/readyz", None).0, 503, "nothing to answer from yet, which everybody may know");

    // gRPC is on loopback and asks nobody.
    let ca = certificates.ca_file.to_str().unwrap();
    let revoked = run(folder, &["token", "revoke", "viewer", "--server", &serving.url, "--ca", ca]);
    assert!(revoked.status.success(), "{}", printed(&revoked));
    assert_eq!(get(metrics, "/metrics", Some(&viewer)).0, 401);
}

#[test]
fn a_hang_up_takes_over_new_certificates_and_other_files_and_never_a_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let [first, second, third] = ["first", "second", "third"].map(|name| {
        std::fs::create_dir(folder.join(name)).unwrap();
        Certificates::new(&folder.join(name))
    });
    let configuration = |name: &str| {
        format!(
            "listen = '127.0.0.1:0'\ndata_folder = 'data'\nconsole.enabled = false\n\
             [tls]\ncertificate = '{name}/server.pem'\nkey = '{name}/server-key.pem'"
        )
    };
    let serving = Serving::start(folder, &configuration("first"));
    let is_believed = |certificates: &Certificates| {
        let ca = certificates.ca_file.to_str().unwrap();
        run(folder, &["token", "list", "--server", &serving.url, "--ca", ca]).status.success()
    };
    assert!(is_believed(&first) && !is_believed(&second));

    // Other content of the same files.
    for (new, old) in
        [(&second.server_files.0, &first.server_files.0), (&second.server_files.1, &first.server_files.1)]
    {
        std::fs::copy(new, old).unwrap();
    }
    serving.reload();
    assert!(is_believed(&second) && !is_believed(&first));

    // Other files.
    std::fs::write(folder.join("ringroute.toml"), configuration("third")).unwrap();
    serving.reload();
    assert!(is_believed(&third) && !is_believed(&second));

    // Files that are not there: the certificate before goes on serving.
    std::fs::write(folder.join("ringroute.toml"), configuration("fourth")).unwrap();
    serving.reload();
    assert!(is_believed(&third));
}

#[test]
fn a_unix_domain_socket_serves_in_place_of_a_port_and_a_killed_server_is_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let socket = format!("unix:{}", folder.join("r.sock").display());
    let configuration = format!("listen = '{socket}'\ndata_folder = 'data'\nrequire_tokens = true");
    let made = run(folder, &["token", "create", "me", "--role", "admin", "--data-folder", "data"]);
    let token = String::from_utf8(made.stdout).unwrap();
    // The first is killed, and leaves its socket behind.
    for _ in 0..2 {
        let serving = Serving::start(folder, &configuration);
        assert_eq!(serving.url, socket);
        let told = run(folder, &["token", "list", "--server", &socket, "--token", token.trim()]);
        assert!(told.status.success() && printed(&told).contains("me"), "{}", printed(&told));
        let nobody = run(folder, &["token", "list", "--server", &socket]);
        assert_eq!(nobody.status.code(), Some(5), "{}", printed(&nobody));
    }
    assert!(folder.join("r.sock").exists());
}

#[test]
fn a_token_is_made_listed_and_revoked_while_no_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let token =
        |arguments: &[&str]| run(folder, &[&["token"], arguments, &["--data-folder", "data"]].concat());
    let made = token(&["create", "ci", "--role", "lookup", "--expires", "90d"]);
    let secret = String::from_utf8(made.stdout.clone()).unwrap();
    assert!(made.status.success() && secret.starts_with("rr_1_") && secret.lines().count() == 1);
    assert_eq!(token(&["create", "CI", "--role", "admin"]).status.code(), Some(5));
    assert_eq!(token(&["create", " ", "--role", "admin"]).status.code(), Some(2));
    let list = printed(&token(&["list"]));
    assert!(list.contains("ci") && list.contains("lookup") && !list.contains(secret.trim()), "{list}");
    assert!(token(&["revoke", "ci"]).status.success());
    assert_eq!(token(&["revoke", "ci"]).status.code(), Some(4));
}
