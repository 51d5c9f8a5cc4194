//! A real engine on a folder of its own, a real server on a port of its own, a company database that is a
//! file, and clients: what tests of the doors start from.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ringroute::access::{NewToken, Role};
use ringroute::api::grpc;
use ringroute::api::proto::v1;
use ringroute::api::proto::v1::audit_service_client::AuditServiceClient;
use ringroute::api::proto::v1::call_routing_service_client::CallRoutingServiceClient;
use ringroute::api::proto::v1::contact_service_client::ContactServiceClient;
use ringroute::api::proto::v1::notification_service_client::NotificationServiceClient;
use ringroute::api::proto::v1::phonebook_service_client::PhonebookServiceClient;
use ringroute::api::proto::v1::route_service_client::RouteServiceClient;
use ringroute::api::proto::v1::routing_settings_service_client::RoutingSettingsServiceClient;
use ringroute::api::proto::v1::settings_service_client::SettingsServiceClient;
use ringroute::api::proto::v1::sync_service_client::SyncServiceClient;
use ringroute::config::BoundsConfig;
use ringroute::engine::Engine;
use ringroute::listening::{Incoming, Patience, Tls};
use ringroute::notifier::Ways;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Channel, Endpoint};

/// A row of the company database: key, first and last name, company, number, phonebook property.
pub type Person = (i64, &'static str, &'static str, &'static str, &'static str, &'static str);

/// The company: four people, of whom two share a number and one (the last) has none.
pub const COMPANY: [Person; 5] = [
    (1, "Ada", "Lovelace", "Analytical Engines", "+49 30 901820", "Sales"),
    (2, "Grace", "Hopper", "Navy", "030 901821", "Support"),
    (3, "Alan", "Turing", "", "+44 20 7946 0018", "Sales"),
    (4, "Charles", "Babbage", "Analytical Engines", "0049 30 901820", "Support"),
    (5, "Konrad", "Zuse", "Z", "", "Sales"),
];

/// Ada's and Charles's number.
pub const SHARED: &str = "+4930901820";
/// Grace's number.
pub const GRACE: &str = "+4930901821";
/// Alan's number.
pub const ALAN: &str = "+442079460018";
/// A number that nobody has.
pub const STRANGER: &str = "+4930901899";

/// How a server is reached.
#[derive(Default)]
pub struct Access {
    pub require_tokens: bool,
    pub bounds: BoundsConfig,
    pub tls: Option<Arc<Tls>>,
    pub patience: Patience,
}

/// A server with everything around it. What it leaves behind goes with it.
pub struct Server {
    pub engine: Arc<Engine>,
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    /// On a new data folder: no settings, no generation.
    pub async fn start() -> Self {
        Server::start_with(Ways::default()).await
    }

    /// On a new data folder, with ways to tell people and programs.
    pub async fn start_with(ways: Ways) -> Self {
        Server::start_in(tempfile::tempdir().unwrap(), ways).await
    }

    /// With [`settings`](Self::settings) applied and the company synchronised.
    pub async fn start_with_company() -> Self {
        let server = Server::start().await;
        make_company(&server.company(), &COMPANY);
        server.apply(&server.settings()).await;
        let run = server.synchronise("crm").await;
        assert_eq!(run.state(), v1::SyncRunState::Succeeded, "{}", run.failure);
        server
    }

    /// With a company, and refusing requests without a token.
    pub async fn start_with_company_and_required_tokens() -> Self {
        Server::start_with_company_and(Access { require_tokens: true, ..Access::default() }).await
    }

    /// With a company, reached as `access` says.
    pub async fn start_with_company_and(access: Access) -> Self {
        let folder = Server::start_with_company().await.stop().await;
        Server::start_behind(folder, Ways::default(), access).await
    }

    async fn start_in(folder: tempfile::TempDir, ways: Ways) -> Self {
        Server::start_behind(folder, ways, Access::default()).await
    }

    async fn start_behind(folder: tempfile::TempDir, ways: Ways, access: Access) -> Self {
        let Access { require_tokens, bounds, tls, patience } = access;
        let engine = Engine::open(&folder.path().join("data")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let gate = grpc::Gate::new(engine.tokens(), require_tokens, bounds);
        let incoming = Incoming::grpc(listener, tls, bounds).with_patience(patience);
        let ways = tokio::sync::watch::channel(ways).1;
        let serving = grpc::serve_behind(gate, Arc::clone(&engine), incoming, ways, stop.clone());
        let serving = tokio::spawn(serving);
        Server { engine, address, folder, stop, serving }
    }

    /// Tells the server to stop, without waiting.
    pub fn begin_stop(&self) {
        self.stop.cancel();
    }

    /// Stops the server and waits until nothing of it is left. Clients must be gone, or the engine is still
    /// in use.
    pub async fn stop(self) -> tempfile::TempDir {
        let Server { engine, folder, stop, serving, .. } = self;
        stop.cancel();
        serving.await.unwrap();
        let in_use = Arc::downgrade(&engine);
        drop(engine);
        let freed = async {
            while in_use.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let freed = tokio::time::timeout(PATIENCE, freed).await;
        freed.expect("the engine is still in use: a client is connected, or a run under way");
        folder
    }

    /// Stops the server and starts another on the same data folder.
    pub async fn restart(self) -> Self {
        Server::start_in(self.stop().await, Ways::default()).await
    }

    /// A path in the folder of the test.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The company database; see [`make_company`].
    pub fn company(&self) -> PathBuf {
        self.path("company.db")
    }

    /// Settings with the source "crm" on the company database, and routes for its phonebooks.
    pub fn settings(&self) -> String {
        let path = self.company();
        format!(
            r#"
            [numbers]
            default_region = "DE"

            [[trunk]]
            name = "london"
            default_region = "GB"

            [[source]]
            name = "crm"
            connection = {{ sqlite = {{ path = {path:?} }} }}
            sync_filter = "select ${{MAP}} from main.people order by id"
            field_map = {{ key = "id", first_name = "first", last_name = "last", company = "company", business_number = "tel" }}
            phonebook = {{ by_property = {{ column = "belongto" }} }}

            [[inbound_route]]
            name = "withheld"
            withheld = true
            destination = {{ type = "announcement", target = "no-number" }}

            [[inbound_route]]
            name = "sales"
            phonebooks = ["Sales"]
            alert_info = "<http://ring/sales>"
            destination = {{ type = "queue", target = "6400" }}

            [[inbound_route]]
            name = "support"
            phonebooks = ["Support"]
            destination = {{ type = "ring_group", target = "6300" }}
            "#
        )
    }

    pub async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap().connect().await.unwrap()
    }

    /// Makes a token of that role, named after it.
    pub async fn token(&self, role: Role) -> String {
        let (name, engine) = (role.to_string(), Arc::clone(&self.engine));
        let new = NewToken { name, role, expires_at: None, created_by: "test".into() };
        tokio::task::spawn_blocking(move || engine.by("test").create_token(&new)).await.unwrap().unwrap().1
    }

    pub async fn calls(&self) -> CallRoutingServiceClient<Channel> {
        CallRoutingServiceClient::new(self.channel().await)
    }

    pub async fn sync(&self) -> SyncServiceClient<Channel> {
        SyncServiceClient::new(self.channel().await)
    }

    pub async fn notifications(&self) -> NotificationServiceClient<Channel> {
        NotificationServiceClient::new(self.channel().await)
    }

    pub async fn phonebooks(&self) -> PhonebookServiceClient<Channel> {
        PhonebookServiceClient::new(self.channel().await)
    }

    pub async fn contacts(&self) -> ContactServiceClient<Channel> {
        ContactServiceClient::new(self.channel().await)
    }

    pub async fn routes(&self) -> RouteServiceClient<Channel> {
        RouteServiceClient::new(self.channel().await)
    }

    pub async fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel().await)
    }

    pub async fn routing_settings(&self) -> RoutingSettingsServiceClient<Channel> {
        RoutingSettingsServiceClient::new(self.channel().await)
    }

    pub async fn settings_client(&self) -> SettingsServiceClient<Channel> {
        SettingsServiceClient::new(self.channel().await)
    }

    pub async fn apply(&self, document: &str) -> v1::ApplySettingsResponse {
        let request = v1::ApplySettingsRequest { document: document.to_owned(), ..Default::default() };
        self.settings_client().await.apply_settings(request).await.unwrap().into_inner()
    }

    /// Runs a source and waits for the end.
    pub async fn synchronise(&self, source: &str) -> v1::SyncRun {
        let mut client = self.sync().await;
        let request = v1::StartSyncRequest { source: source.to_owned(), allow_preview: None };
        let run = client.start_sync(request).await.unwrap().into_inner().run.unwrap();
        end_of_run(&mut client, run.run_id).await
    }
}

/// Longest wait for something that would never come if it did not come soon: a failed test, not a stuck one.
const PATIENCE: Duration = Duration::from_secs(60);

/// Watches a run until it has ended.
pub async fn end_of_run(client: &mut SyncServiceClient<Channel>, run_id: u64) -> v1::SyncRun {
    let end = async {
        let mut news = client.watch_sync(v1::WatchSyncRequest { run_id }).await.unwrap().into_inner();
        loop {
            let message = news.message().await.unwrap().expect("the last message has the run");
            if let Some(run) = message.progress.unwrap().run {
                return run;
            }
        }
    };
    tokio::time::timeout(PATIENCE, end).await.expect("the run goes on and on")
}

/// Writes a company database: table `people`, and a view `endless` of more rows than anybody waits for.
pub fn make_company(path: &Path, people: &[Person]) {
    let database = rusqlite::Connection::open(path).unwrap();
    database
        .execute_batch(
            "DROP TABLE IF EXISTS people;
             CREATE TABLE people (id INTEGER, first TEXT, last TEXT, company TEXT, tel TEXT, belongto TEXT);
             CREATE VIEW IF NOT EXISTS endless AS
                WITH RECURSIVE number (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM number LIMIT 1000000000000)
                SELECT id, 'Somebody' AS last, 'no number' AS tel FROM number;",
        )
        .unwrap();
    for person in people {
        database.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)", *person).unwrap();
    }
}

/// A source as the contract has it: the company's people, all in the phonebook "All".
pub fn company_source(name: &str, path: &Path) -> v1::Source {
    let kind = v1::connection::Kind::Sqlite(v1::SqliteConnection { path: path.display().to_string() });
    let target = v1::phonebook_target::Target::NewPhonebook(v1::NewPhonebook { name: "All".into() });
    v1::Source {
        name: name.into(),
        default_region: "DE".into(),
        sync_filter: "select ${MAP} from main.people order by id".into(),
        connection: Some(v1::Connection { kind: Some(kind) }),
        field_map: Some(v1::FieldMap {
            key: "id".into(),
            last_name: "last".into(),
            business_number: "tel".into(),
            ..Default::default()
        }),
        phonebook: Some(v1::PhonebookTarget { target: Some(target) }),
        ..Default::default()
    }
}

/// A source that is never read to its end.
pub fn endless_source(name: &str, path: &Path) -> v1::Source {
    v1::Source { sync_filter: "select ${MAP} from main.endless".into(), ..company_source(name, path) }
}
