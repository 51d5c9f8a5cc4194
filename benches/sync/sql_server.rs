//! The sample company on the TDS server of the test support, as a process of its own: what is measured of this
//! process, memory above all, is then Ringroute's.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

use ringroute::demo::sample::{self, SampleContact};
use ringroute::secret::Secret;
use ringroute::settings::{Connection, SourceSettings, SqlServerConnection};
use ringroute::source;
use tds_test_server::Server;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::origin::{COLUMNS, Origin, TABLE, settings, three_numbers};
use crate::support::report::Goal;
use crate::support::{server, sql_server};

/// The first argument of the process that is the server; the second is how many contacts it has.
const SERVE: &str = "serve-sql-server";

/// Rows of one INSERT: the most that SQL Server takes.
const ROWS_OF_INSERT: usize = 1000;

/// The name of the file with the connection string.
const SECRET: &str = "connection-string";

/// Whether this process is the server; it was one then, until the other went away.
pub(crate) fn was_server() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, first, contacts] = &arguments[..] else { return false };
    if first != SERVE {
        return false;
    }
    let server = Server::start().unwrap();
    fill(&server, contacts.parse().unwrap());
    println!("{}", server.connection_string());
    // For each line, the statement that was run last for the rows of the table.
    for line in std::io::stdin().lines() {
        line.unwrap();
        let marker = format!("dbo.{TABLE}");
        let statements = server.statements();
        let last = statements.iter().rfind(|statement| statement.contains(&marker)).unwrap();
        println!("{}", serde_json::to_string(last).unwrap());
    }
    true
}

fn fill(server: &Server, contacts: u32) {
    let database = &server.options().databases[0];
    let [key, texts @ ..] = COLUMNS;
    let create = format!(
        "CREATE TABLE dbo.{TABLE} ({key} int NOT NULL PRIMARY KEY, {} nvarchar(127))",
        texts.join(" nvarchar(127), ")
    );
    server.run(database, &create).unwrap();
    let text = |text: Option<String>| text.map_or("NULL".to_owned(), |text| quoted(&text));
    let mut rows = Vec::with_capacity(ROWS_OF_INSERT);
    let mut contacts = sample::contacts(contacts).peekable();
    while let Some(contact) = contacts.next() {
        let numbers = three_numbers(&contact);
        let SampleContact { id, first_name, last_name, company, email, belongto, .. } = contact;
        let [phone, mobile, fax] = numbers;
        let texts = [first_name, last_name, company, email, phone, mobile, fax, belongto].map(text);
        rows.push(format!("({id}, {})", texts.join(", ")));
        if rows.len() == ROWS_OF_INSERT || contacts.peek().is_none() {
            let insert = format!("INSERT INTO dbo.{TABLE} VALUES {}", rows.join(", "));
            server.run(database, &insert).unwrap();
            rows.clear();
        }
    }
}

fn quoted(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// A table on the server.
pub(crate) struct SqlServerOrigin {
    process: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    connection: String,
    /// Holds the connection string in a file: settings do not show it otherwise.
    secrets: TempDir,
    runtime: Runtime,
    /// What the source asks for the rows.
    batch: String,
}

impl SqlServerOrigin {
    pub(crate) fn make(contacts: u32) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([SERVE, &contacts.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let questions = process.stdin.take().unwrap();
        let connection = line(&mut answers);
        let secrets = tempfile::tempdir().unwrap();
        std::fs::write(secrets.path().join(SECRET), &connection).unwrap();
        let mut origin = SqlServerOrigin {
            process,
            pipes: Mutex::new((questions, answers)),
            connection,
            secrets,
            runtime: server::runtime(),
            batch: String::new(),
        };
        origin.batch = origin.batch_of_source();
        origin
    }

    /// Reads everything through the source, and asks the server what it was asked for.
    fn batch_of_source(&self) -> String {
        self.runtime.block_on(async {
            let (sender, mut rows) = mpsc::channel(source::BATCHES_IN_FLIGHT);
            let taking = tokio::spawn(async move { while rows.recv().await.is_some() {} });
            let source = source::open(&self.settings()).unwrap();
            source.read(sender, CancellationToken::new()).await.unwrap();
            taking.await.unwrap();
        });
        let mut pipes = self.pipes.lock().unwrap();
        let (questions, answers) = &mut *pipes;
        writeln!(questions).unwrap();
        serde_json::from_str(&line(answers)).unwrap()
    }
}

fn line(answers: &mut impl BufRead) -> String {
    let mut line = String::new();
    answers.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

impl Drop for SqlServerOrigin {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Origin for SqlServerOrigin {
    fn kind(&self) -> &str {
        "SQL Server"
    }

    fn settings(&self) -> SourceSettings {
        let [template] = sample::settings("".as_ref()).sources.try_into().unwrap();
        let connection = SqlServerConnection {
            connection_string: Some(Secret::new(format!(
                "file:{}",
                self.secrets.path().join(SECRET).display()
            ))),
            ..SqlServerConnection::default()
        };
        let connection = Connection::SqlServer(Box::new(connection));
        settings("company", "dbo", SourceSettings { connection, ..template })
    }

    fn drain(&self) -> u64 {
        // One row more: the count that the source asks for.
        self.runtime.block_on(sql_server::drain(&self.connection, &self.batch)) - 1
    }

    fn change(&self, every: u32, rest: u32) -> u64 {
        self.runtime.block_on(async {
            let change = format!(
                "UPDATE dbo.{TABLE} SET email = 'new-' + CAST(id AS nvarchar(10)) + '-' + email
                 WHERE id % {every} = {rest}"
            );
            let mut client = sql_server::connect(&self.connection).await;
            client.execute(change, &[]).await.unwrap().total()
        })
    }

    fn goals(&self) -> [Option<Goal>; 2] {
        [Some(Goal::AtMost(3.0)), Some(Goal::AtMost(1.5))]
    }
}
