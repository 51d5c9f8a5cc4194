//! docs/sql-server.md, done: every command of the page runs in the order of the page, against the TDS test server
//! with TLS, a CA file and the least-privilege login, and answers what the page shows.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

#[path = "support/program.rs"]
mod program;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use program::{Program, printed, ringroute};
use tds_test_server::{Options, Server};
use tokio_util::compat::TokioAsyncWriteCompatExt as _;

static PAGE: LazyLock<String> =
    LazyLock::new(|| std::fs::read_to_string(in_repository("docs/sql-server.md")).unwrap());
const SETTINGS: &str = include_str!("../examples/sql-server/settings.toml");

/// What the page says the server is called, where the test has one of its own.
const HOST: &str = "sql.example.com";

/// A command of the page, and what the page shows under it.
#[derive(Debug)]
struct Step {
    words: Vec<String>,
    shown: Vec<&'static str>,
}

/// Splits as a shell does, as far as the page needs it: single quotes and comments.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (place, part) in command.split(" #").next().unwrap().split('\'').enumerate() {
        if place % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for character in part.chars() {
            match character {
                ' ' if words.last().unwrap().is_empty() => {}
                ' ' => words.push(String::new()),
                other => words.last_mut().unwrap().push(other),
            }
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut is_open = false;
    for line in PAGE.lines() {
        match line.strip_prefix("```") {
            Some(language) => is_open = language == "console",
            None if !is_open => {}
            None => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { words: words(command), shown: Vec::new() }),
                None => steps.last_mut().unwrap().shown.push(line.trim_end()),
            },
        }
    }
    for step in &mut steps {
        while step.shown.last().is_some_and(|line| line.is_empty()) {
            step.shown.pop();
        }
    }
    steps
}

/// Whether a line is as the page shows it, where `…` stands for anything.
fn is_as_shown(line: &str, shown: &str) -> bool {
    let Some((start, rest)) = shown.split_once('…') else { return line == shown };
    let Some(mut line) = line.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = line.find(part) else { return false };
        line = &line[at + part.len()..];
    }
    line.ends_with(end)
}

/// What is otherwise than on the page.
fn difference(step: &Step, output: &std::process::Output) -> Option<String> {
    // How far a run is, which nobody can foretell, goes to stderr.
    let text = if output.status.success() {
        String::from_utf8_lossy(&output.stdout).into()
    } else {
        printed(output)
    };
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let is_same = output.status.success()
        && lines.len() == step.shown.len()
        && lines.iter().zip(&step.shown).all(|(line, shown)| is_as_shown(line, shown));
    let shown = step.shown.join("\n");
    (!is_same).then(|| format!("{:?} answers\n{text}\nand not, as the page shows,\n{shown}\n", step.words))
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The values of an option that can be given several times.
fn values<'a>(words: &'a [String], option: &str) -> Vec<&'a str> {
    words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1].as_str()).collect()
}

/// The server that the page's command would start, on a port of its own.
fn start_server(words: &[String]) -> Server {
    let databases: Vec<String> = values(words, "--database").into_iter().map(str::to_owned).collect();
    let server = Server::with(Options { databases, ..Options::default() }).unwrap();
    for script in values(words, "--script") {
        run_script(&server, script);
    }
    server
}

fn run_script(server: &Server, script: &str) {
    let text = std::fs::read_to_string(in_repository(script)).unwrap();
    let database = &server.options().databases[0];
    server.run(database, &text).unwrap_or_else(|error| panic!("{script}: {error}"));
}

/// The settings as they are in the repository, but for where the server is.
fn settings_for(server: &Server) -> String {
    let port = format!("port = {}", server.address().port());
    for expected in [HOST, "port = 1433"] {
        assert_eq!(SETTINGS.matches(expected).count(), 1, "{expected}");
    }
    SETTINGS.replace(HOST, "127.0.0.1").replace("port = 1433", &port)
}

/// Does what a step says, and returns what is otherwise than on the page.
fn take(
    step: &Step,
    folder: &Path,
    program: &mut Option<Program>,
    environment: &mut Vec<(String, String)>,
) -> Option<String> {
    let arguments: Vec<&str> = step.words.iter().skip(1).map(String::as_str).collect();
    match (step.words[0].as_str(), arguments.as_slice()) {
        ("export", [variable]) => {
            let (name, value) = variable.split_once('=').unwrap();
            environment.push((name.to_owned(), value.to_owned()));
        }
        ("ringroute", ["serve"]) => {
            let environment: Vec<_> = environment.iter().map(|(name, value)| (&**name, &**value)).collect();
            *program = Some(Program::serve(folder, &environment));
        }
        ("ringroute", arguments) => {
            let mut command = match program {
                Some(program) => program.command(arguments),
                None => ringroute(arguments),
            };
            return difference(step, &command.current_dir(folder).output().unwrap());
        }
        _ => panic!("{:?} is not a command that this test knows", step.words),
    }
    None
}

/// Whether the login of the page may run a statement.
async fn may(server: &Server, statement: &str) -> Result<(), String> {
    let string = server
        .connection_string()
        .replace("User Id=sa", "User Id=ringroute")
        .replace("Password=Test-Server-1", "Password=Change-this-1!");
    let config = tiberius::Config::from_ado_string(&string).unwrap();
    let tcp = tokio::net::TcpStream::connect(config.get_addr()).await.unwrap();
    let mut client = tiberius::Client::connect(config, tcp.compat_write()).await.unwrap();
    let answer = client.simple_query(statement).await.map_err(|error| error.to_string())?;
    answer.into_results().await.map(drop).map_err(|error| error.to_string())
}

#[test]
fn every_command_of_the_page_answers_what_the_page_shows() {
    let folder = tempfile::tempdir().unwrap();
    let mut steps = steps();
    let server = steps.iter().find(|step| step.words[0] == "cargo").map(|step| start_server(&step.words));
    let server = server.unwrap();
    // The files that the page has put beside each other.
    std::fs::write(folder.path().join("settings.toml"), settings_for(&server)).unwrap();
    std::fs::copy(server.ca_file(), folder.path().join("company-ca.pem")).unwrap();

    // The scripts that are given to sqlcmd are those that the test server was started with.
    let is_script = |step: &Step| matches!(step.words[0].as_str(), "cargo" | "sqlcmd");
    let scripts: Vec<&Step> = steps.iter().filter(|step| is_script(step)).collect();
    let by_cargo = values(&scripts.iter().find(|step| step.words[0] == "cargo").unwrap().words, "--script");
    let by_sqlcmd: Vec<&str> = scripts.iter().flat_map(|step| values(&step.words, "-i")).collect();
    assert_eq!(by_sqlcmd, by_cargo);

    steps.retain(|step| !is_script(step));
    assert!(steps.len() >= 12, "only {} commands were found", steps.len());
    let (mut program, mut environment) = (None, Vec::new());
    let steps = steps.iter();
    let wrong: Vec<String> =
        steps.filter_map(|step| take(step, folder.path(), &mut program, &mut environment)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // What an administrator sees of it on the server.
    let logins = server.logins();
    assert!(!logins.is_empty());
    for (login, _) in logins {
        assert_eq!((login.user.as_str(), login.application.as_str()), ("ringroute", "ringroute"));
    }
}

#[tokio::test]
async fn the_login_of_the_page_reads_its_table_and_does_nothing_else() {
    let server = std::thread::spawn(|| {
        let server = start_server(&words("--database crm"));
        run_script(&server, "examples/sql-server/create-example.sql");
        run_script(&server, "examples/sql-server/create-login.sql");
        server.run("crm", "CREATE TABLE dbo.salaries (id int, amount money)").unwrap();
        server
    })
    .join()
    .unwrap();
    assert_eq!(may(&server, "SELECT id FROM testpbx.contacts").await, Ok(()));
    for statement in [
        "SELECT id FROM dbo.salaries",
        "INSERT INTO testpbx.contacts (id) VALUES (99)",
        "UPDATE testpbx.contacts SET phone = ''",
        "DELETE FROM testpbx.contacts",
        "DROP TABLE testpbx.contacts",
        "CREATE TABLE testpbx.more (id int)",
    ] {
        assert!(may(&server, statement).await.is_err(), "{statement}");
    }
}

#[test]
fn the_example_table_can_be_made_again() {
    let server = start_server(&words("--database crm"));
    for _ in 0..2 {
        run_script(&server, "examples/sql-server/create-example.sql");
    }
}

/// The sources of the program that make messages, with texts that go over several lines put together.
static MESSAGES: LazyLock<String> = LazyLock::new(|| {
    let sources = [
        include_str!("../src/source/sql_server/errors.rs"),
        include_str!("../src/source/sql_server/prelogin.rs"),
        include_str!("../src/source/sql_server/session.rs"),
        include_str!("../src/source/sql_server/catalogue.rs"),
        include_str!("../src/secret.rs"),
        include_str!("../src/source/sql_server/connection.rs"),
    ];
    let joined = sources.join("\n").replace("\\\"", "\"");
    let mut lines = joined.split("\\\n");
    let first = lines.next().unwrap_or_default().to_owned();
    lines.fold(first, |text, line| text + line.trim_start())
});

#[test]
fn the_page_explains_messages_that_there_are() {
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| row.split_once('`'));
    let mut found = 0;
    for (message, _) in rows {
        assert!(MESSAGES.contains(message), "nothing says {message:?}");
        found += 1;
    }
    assert!(found >= 12, "only {found} messages are explained");
}
