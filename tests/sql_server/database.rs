//! A schema of its own on a SQL Server: the test support's, or the one that the environment names.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ringroute::phonebook::PhonebookName;
use ringroute::secret::Secret;
use ringroute::settings::{
    Connection, FieldMap, GuardSettings, PhonebookTarget, SourceSettings, SqlServerConnection,
};
use ringroute::source::rows::RowProblem;
use ringroute::source::{self, SourceError};
use tds_test_server::Server;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};
use tokio_util::sync::CancellationToken;

/// Longest wait for something that would never come if it did not come soon.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Where the tests run when it is set.
const FOREIGN: &str = "RINGROUTE_TEST_MSSQL";

pub struct Database {
    server: Option<Server>,
    pub connection_string: String,
    pub schema: String,
    is_stopped: bool,
}

impl Database {
    /// On the server that the environment names, or one of our own.
    pub async fn new() -> Self {
        match std::env::var(FOREIGN) {
            Ok(connection_string) => {
                println!("runs on the server named by {FOREIGN}");
                Database::of(None, connection_string).await
            }
            Err(_) => Database::on(Server::start().unwrap()).await,
        }
    }

    /// On a server of our own, which can misbehave.
    pub async fn ours() -> Self {
        Database::on(Server::start().unwrap()).await
    }

    /// On this one.
    pub async fn on(server: Server) -> Self {
        println!("runs on the TDS test server");
        let connection_string = server.connection_string();
        Database::of(Some(server), connection_string).await
    }

    async fn of(server: Option<Server>, connection_string: String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let schema = format!("rr_{:x}_{:x}_{number:x}", std::process::id(), now & 0xFFFF_FFFF);
        let database = Database { server, connection_string, schema, is_stopped: false };
        database.script("CREATE SCHEMA SCHEMA_;").await;
        database
    }

    /// On this one, on which there is nothing to make.
    pub fn without_schema(server: Server) -> Self {
        Database {
            connection_string: server.connection_string(),
            server: Some(server),
            schema: "dbo".to_owned(),
            is_stopped: false,
        }
    }

    /// Ends our server, and returns where it listened.
    pub fn stop(&mut self) -> SocketAddr {
        let server = self.server.take().unwrap();
        self.is_stopped = true;
        server.address()
    }

    /// Takes this server of ours in place of the one that ended.
    pub fn replace(&mut self, server: Server) {
        self.connection_string = server.connection_string();
        self.server = Some(server);
    }

    /// The server, which is ours.
    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub fn is_ours(&self) -> bool {
        self.server.is_some()
    }

    /// Runs T-SQL; lines with GO part batches, and `SCHEMA_` stands for the schema.
    pub async fn script(&self, script: &str) {
        self.try_script(script).await.unwrap_or_else(|error| panic!("{error}\nin {script}"));
    }

    pub async fn try_script(&self, script: &str) -> Result<(), tiberius::error::Error> {
        run_script(&self.connection_string, &script.replace("SCHEMA_", &self.schema)).await
    }

    /// How to reach it.
    pub fn connection(&self) -> SqlServerConnection {
        SqlServerConnection {
            connection_string: Some(Secret::new(&self.connection_string)),
            ..SqlServerConnection::default()
        }
    }

    /// A source with this sync filter, in which `SCHEMA_` stands for the schema.
    pub fn source(&self, filter: &str, field_map: FieldMap) -> SourceSettings {
        SourceSettings {
            name: "crm".to_owned(),
            enabled: true,
            default_region: Some("DE".parse().unwrap()),
            sync_filter: filter.replace("SCHEMA_", &self.schema),
            remove_missing: true,
            connection: Connection::SqlServer(Box::new(self.connection())),
            field_map,
            phonebook: PhonebookTarget::New { name: PhonebookName::parse("All").unwrap() },
            guard: GuardSettings::default(),
            schedule: None,
            notify: ringroute::settings::Notify::default(),
        }
    }

    /// Waits until nobody is connected to our server, and it works for nobody.
    pub async fn is_left_alone(&self) {
        let Some(server) = &self.server else { return };
        let alone = async {
            while server.open_connections() > 0 || server.running_requests() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, alone).await.expect("a connection is left behind");
    }
}

impl Drop for Database {
    /// Leaves nothing behind on a server that is not ours.
    fn drop(&mut self) {
        if self.server.is_some() || self.is_stopped {
            return;
        }
        let (connection_string, schema) = (self.connection_string.clone(), self.schema.clone());
        let cleaning = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(drop_schema(&connection_string, &schema))
        });
        if let Ok(Err(error)) = cleaning.join() {
            println!("the schema {} is left behind: {error}", self.schema);
        }
    }
}

async fn drop_schema(connection_string: &str, schema: &str) -> tiberius::Result<()> {
    let mut client = connect(connection_string).await?;
    let query = format!(
        "SELECT CAST(TABLE_TYPE AS nvarchar(20)), CAST(TABLE_NAME AS nvarchar(128)) FROM INFORMATION_SCHEMA.TABLES \
         WHERE TABLE_SCHEMA = N'{schema}'"
    );
    let found = client.simple_query(query).await?.into_first_result().await?;
    let text = |row: &tiberius::Row, column: usize| row.get::<&str, _>(column).unwrap().to_owned();
    let mut found: Vec<_> = found.iter().map(|row| (text(row, 0), text(row, 1))).collect();
    // Views before the tables that they read.
    found.sort_by_key(|(kind, _)| kind != "VIEW");
    for (kind, name) in found {
        let kind = if kind == "VIEW" { "VIEW" } else { "TABLE" };
        let name = name.replace(']', "]]");
        let statement = format!("DROP {kind} [{schema}].[{name}]");
        client.simple_query(statement).await?.into_results().await?;
    }
    client.simple_query(format!("DROP SCHEMA [{schema}]")).await?.into_results().await?;
    client.close().await
}

/// Runs T-SQL on our server without a connection, whatever it thinks of connections.
pub fn run_on(server: &Server, script: &str) {
    let database = &server.options().databases[0];
    // Not on a thread of the runtime, which may not wait.
    let run = std::thread::scope(|threads| threads.spawn(|| server.run(database, script)).join().unwrap());
    run.unwrap_or_else(|error| panic!("{error}\nin {script}"));
}

async fn connect(connection_string: &str) -> tiberius::Result<tiberius::Client<Compat<TcpStream>>> {
    let config = tiberius::Config::from_ado_string(connection_string)?;
    let tcp = TcpStream::connect(config.get_addr()).await?;
    tcp.set_nodelay(true)?;
    tiberius::Client::connect(config, tcp.compat_write()).await
}

async fn run_script(connection_string: &str, script: &str) -> tiberius::Result<()> {
    let mut client = connect(connection_string).await?;
    for batch in tds_test_server::batches(script) {
        client.simple_query(batch).await?.into_results().await?;
    }
    client.close().await
}

/// A map of these fields, of which the others are empty. The key is `id`.
pub fn map(last_name: &str, business_number: &str) -> FieldMap {
    FieldMap {
        key: Some("id".to_owned()),
        last_name: Some(last_name.to_owned()),
        business_number: Some(business_number.to_owned()),
        ..FieldMap::default()
    }
}

/// A row as it arrived: its values, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrived {
    pub values: Vec<Option<String>>,
    pub problem: Option<RowProblem>,
}

/// Reads a source to its end.
pub async fn read(settings: &SourceSettings) -> Result<Vec<Arrived>, SourceError> {
    let source = source::open(settings)?;
    let (sender, mut receiver) = mpsc::channel(4);
    let reading = source.read(sender, CancellationToken::new());
    let taking = async {
        let mut rows = Vec::new();
        while let Some(batch) = receiver.recv().await {
            for row in batch.rows() {
                let values = (0..).map_while(|column| {
                    (column < columns_of(settings)).then(|| row.value(column).map(str::to_owned))
                });
                rows.push(Arrived { values: values.collect(), problem: row.problem().cloned() });
            }
        }
        rows
    };
    let (read, rows) = tokio::time::timeout(PATIENCE, async { tokio::join!(reading, taking) }).await.unwrap();
    assert_eq!(read?, rows.len() as u64);
    Ok(rows)
}

/// How many columns the source reads.
fn columns_of(settings: &SourceSettings) -> usize {
    source::rows::Projection::new(&settings.field_map, &settings.phonebook).columns().len()
}

/// The values of one column of rows that are all good.
pub fn column(rows: &[Arrived], column: usize) -> Vec<Option<&str>> {
    rows.iter()
        .map(|row| {
            assert_eq!(row.problem, None, "{row:?}");
            row.values[column].as_deref()
        })
        .collect()
}
