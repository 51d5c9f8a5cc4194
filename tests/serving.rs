//! The program as other machines, and other processes, reach it: TLS, tokens, Unix domain sockets, and what it refuses.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/program.rs"]
mod program;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Output, Stdio};

use certificates::Certificates;
use program::{printed, ringroute};

/// `ringroute serve` with a configuration, until the end of the test.
struct Serving {
    process: Child,
    url: String,
    /// Kept open: a server whose output nobody takes ends.
    _output: BufReader<ChildStdout>,
}

impl Serving {
    fn start(folder: &Path, configuration: &str) -> Self {
        std::fs::write(folder.join("ringroute.toml"), configuration).unwrap();
        let mut command = ringroute(&["serve"]);
        let mut process =
            command.current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("Ringroute listens on ").unwrap_or_default().to_owned();
        Serving { process, url, _output: output }
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

    let in_use = run(folder, &["token", "list", "--data-folder", "data"]);
    assert!(printed(&in_use).contains("or ask the server that has it"), "{}", printed(&in_use));
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
