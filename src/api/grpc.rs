//! The gRPC door: the contract in `proto/ringroute/v1`, spoken over an [`Engine`].
//!
//! * It translates and decides nothing. Types of the contract end in `convert`, errors of the engine
//!   become status codes in `status`, fields are held to their limits in `request`.
//! * A call (`call_routing`) is answered where it was read: one load of the snapshot; no lock, no I/O, no
//!   other task.
//! * Everything else reaches the store, which blocks, on threads made for that and a few at a time, so
//!   that however much is asked of it, calls go on being answered.
//! * Health is NOT_SERVING until there is a snapshot to answer from, and again once the server is told to
//!   stop.
//! * When told to stop, it takes no more connections, ends open streams and waits, ends long waits with
//!   `UNAVAILABLE`, and lets the rest be answered, but waits no longer than [`DRAIN_TIME`].

mod answers;
mod audit;
mod backup;
mod call_routing;
mod contact;
mod convert;
mod directory;
mod directory_settings;
mod gate;
mod guarded;
mod load;
mod notification;
mod patient;
mod permissions;
mod phonebook;
mod request;
mod route;
mod routing_settings;
mod running;
mod settings;
mod status;
mod sync;
mod token;
mod transport;
mod user;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};

use crate::api::proto::FILE_DESCRIPTOR_SET;
use crate::api::proto::v1::audit_service_server::AuditServiceServer;
use crate::api::proto::v1::backup_service_server::BackupServiceServer;
use crate::api::proto::v1::call_routing_service_server::CallRoutingServiceServer;
use crate::api::proto::v1::contact_service_server::ContactServiceServer;
use crate::api::proto::v1::directory_service_server::DirectoryServiceServer;
use crate::api::proto::v1::directory_settings_service_server::DirectorySettingsServiceServer;
use crate::api::proto::v1::notification_service_server::NotificationServiceServer;
use crate::api::proto::v1::phonebook_service_server::PhonebookServiceServer;
use crate::api::proto::v1::route_service_server::RouteServiceServer;
use crate::api::proto::v1::routing_settings_service_server::RoutingSettingsServiceServer;
use crate::api::proto::v1::settings_service_server::SettingsServiceServer;
use crate::api::proto::v1::status_service_server::StatusServiceServer;
use crate::api::proto::v1::sync_service_server::SyncServiceServer;
use crate::api::proto::v1::token_service_server::TokenServiceServer;
use crate::api::proto::v1::user_service_server::UserServiceServer;
use crate::audit::Actor;
use crate::config::BoundsConfig;
use crate::engine::{Editor, Engine, EngineError};
use crate::generation::Generation;
use crate::listening::{Connection, Incoming};
use crate::notifier::Ways;
use crate::settings::MAX_DOCUMENT_BYTES;

pub(crate) use convert::backup::to_proto as backup_to_proto;
pub(crate) use convert::tokens::{role_to_proto, to_proto as token_to_proto};
pub(crate) use convert::users::to_proto as user_to_proto;
pub use gate::Gate;
pub use transport::serve_connections;

/// How long open calls may go on after the server was told to stop.
pub const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Largest request about a call, in bytes; every field of one fits many times over.
const MAX_CALL_BYTES: usize = 64 * 1024;

/// Largest request about anything else, in bytes: an inbound route with all the values it may have.
const MAX_REQUEST_BYTES: usize = 8 * 1024 * 1024;

/// Largest request with a settings document, in bytes.
const MAX_SETTINGS_BYTES: usize = MAX_DOCUMENT_BYTES + 64 * 1024;

/// How many requests read the store at the same time; more of them wait for their turn.
const MAX_READERS: usize = 8;

/// How many messages are sent for a test at the same time.
const MAX_TESTERS: usize = 2;

/// Like [`serve_behind`], for whoever can connect: a token is not asked for, and nobody can be told anything.
pub async fn serve(engine: Arc<Engine>, listener: TcpListener, stop: CancellationToken) {
    let gate = Gate::new(engine.tokens(), false, BoundsConfig::default());
    let ways = watch::channel(Ways::default()).1;
    serve_behind(gate, engine, incoming(listener), ways, stop).await;
}

/// Answers the connections of `incoming` until `stop` is cancelled and open calls have ended, at most for
/// [`DRAIN_TIME`]. `ways` is what tests of notifications go by. Runs of sources are not its business: whoever stops the
/// engine cancels them.
pub async fn serve_behind(
    gate: Gate,
    engine: Arc<Engine>,
    incoming: Incoming,
    ways: watch::Receiver<Ways>,
    stop: CancellationToken,
) {
    let published = engine.published();
    let door = Door::new(engine, ways, stop.clone(), gate.requires_tokens());
    let health = HealthReporter::new();
    let is_published = *published.borrow() != Generation::NONE;
    set_health(&health, if is_published { ServingStatus::Serving } else { ServingStatus::NotServing }).await;

    let rest = services(&door, &health);
    let gated = |connection: &Connection| gate.before(connection.client(), call_service(&door), rest.clone());
    let serving = serve_connections(incoming, gated, stop.clone());
    let drain_time_is_over = async {
        report_health(health, published, stop).await;
        tokio::time::sleep(DRAIN_TIME).await;
    };
    tokio::select! {
        () = serving => {}
        () = drain_time_is_over => {
            tracing::warn!("some gRPC calls had not ended {DRAIN_TIME:?} after the server was told to stop");
        }
    }
}

/// All that is served, behind one router.
fn services(door: &Door, health: &HealthReporter) -> Routes {
    let mut services = Routes::new(call_service(door))
        .add_service(SyncServiceServer::new(door.clone()).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(AuditServiceServer::new(door.clone()).max_decoding_message_size(MAX_CALL_BYTES))
        .add_service(BackupServiceServer::new(door.clone()).max_decoding_message_size(MAX_CALL_BYTES))
        .add_service(
            NotificationServiceServer::new(door.clone()).max_decoding_message_size(MAX_REQUEST_BYTES),
        )
        .add_service(PhonebookServiceServer::new(door.clone()).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(ContactServiceServer::new(door.clone()).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(DirectoryServiceServer::new(door.clone()).max_decoding_message_size(MAX_CALL_BYTES))
        .add_service(
            DirectorySettingsServiceServer::new(door.clone()).max_decoding_message_size(MAX_SETTINGS_BYTES),
        )
        .add_service(RouteServiceServer::new(door.clone()).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(
            RoutingSettingsServiceServer::new(door.clone()).max_decoding_message_size(MAX_REQUEST_BYTES),
        )
        .add_service(StatusServiceServer::new(door.clone()).max_decoding_message_size(MAX_CALL_BYTES))
        .add_service(SettingsServiceServer::new(door.clone()).max_decoding_message_size(MAX_SETTINGS_BYTES))
        .add_service(TokenServiceServer::new(door.clone()).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(UserServiceServer::new(door.clone()).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(tonic_health::pb::health_server::HealthServer::new(
            HealthService::from_health_reporter(health.clone()),
        ));
    // Python's client knows only v1alpha. What was compiled into the program can be described; were it not so, calls
    // would still have to be answered.
    if let Ok(v1) = reflection().build_v1().inspect_err(no_reflection) {
        services = services.add_service(v1);
    }
    if let Ok(v1alpha) = reflection().build_v1alpha().inspect_err(no_reflection) {
        services = services.add_service(v1alpha);
    }
    services.prepare()
}

/// What answers calls. Each connection has one of its own, so that calls share no counter of references.
fn call_service(door: &Door) -> CallRoutingServiceServer<Door> {
    CallRoutingServiceServer::new(door.clone()).max_decoding_message_size(MAX_CALL_BYTES)
}

/// The connections of `listener`, set up for short answers.
#[must_use]
pub fn incoming(listener: TcpListener) -> Incoming {
    Incoming::grpc(listener, None, BoundsConfig::default())
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

fn no_reflection(error: &tonic_reflection::server::Error) {
    tracing::error!(%error, "no gRPC reflection; please report this");
}

/// What has a health of its own; the empty name is the server as a whole.
const HEALTH_NAMES: [&str; 16] = [
    "",
    AuditServiceServer::<Door>::NAME,
    BackupServiceServer::<Door>::NAME,
    CallRoutingServiceServer::<Door>::NAME,
    SyncServiceServer::<Door>::NAME,
    NotificationServiceServer::<Door>::NAME,
    PhonebookServiceServer::<Door>::NAME,
    ContactServiceServer::<Door>::NAME,
    DirectoryServiceServer::<Door>::NAME,
    DirectorySettingsServiceServer::<Door>::NAME,
    RouteServiceServer::<Door>::NAME,
    RoutingSettingsServiceServer::<Door>::NAME,
    SettingsServiceServer::<Door>::NAME,
    StatusServiceServer::<Door>::NAME,
    TokenServiceServer::<Door>::NAME,
    UserServiceServer::<Door>::NAME,
];

async fn set_health(health: &HealthReporter, status: ServingStatus) {
    for name in HEALTH_NAMES {
        health.set_service_status(name, status).await;
    }
}

/// Keeps health in step with what is published, until the server is to stop.
async fn report_health(
    mut health: HealthReporter,
    mut published: watch::Receiver<Generation>,
    stop: CancellationToken,
) {
    let first = async { published.wait_for(|generation| *generation != Generation::NONE).await.is_ok() };
    if stop.run_until_cancelled(first).await == Some(true) {
        set_health(&health, ServingStatus::Serving).await;
    }
    stop.cancelled().await;
    set_health(&health, ServingStatus::NotServing).await;
    // Ends the streams of those who watch it; they have been told before.
    for name in HEALTH_NAMES {
        health.clear_service_status(name).await;
    }
}

/// What every service works with.
#[derive(Debug, Clone)]
struct Door {
    engine: Arc<Engine>,
    stop: CancellationToken,
    readers: Arc<Semaphore>,
    lookers: Arc<Semaphore>,
    /// One, as the store has one writer.
    editor: Arc<Semaphore>,
    /// How people and programs are reached, for tests of it.
    ways: watch::Receiver<Ways>,
    testers: Arc<Semaphore>,
    tokens_required: bool,
}

impl Door {
    fn new(
        engine: Arc<Engine>,
        ways: watch::Receiver<Ways>,
        stop: CancellationToken,
        tokens_required: bool,
    ) -> Self {
        let [readers, lookers, editor, testers] =
            [MAX_READERS, MAX_READERS, 1, MAX_TESTERS].map(|turns| Arc::new(Semaphore::new(turns)));
        Door { engine, stop, readers, lookers, editor, ways, testers, tokens_required }
    }

    /// Does work that reads the store.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, Status> {
        self.on_blocking_thread(&self.readers, work).await
    }

    /// Does work that changes the store, on behalf of an actor.
    async fn edit<T: Send + 'static>(
        &self,
        actor: Actor,
        work: impl FnOnce(&Editor<'_>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, Status> {
        self.on_blocking_thread(&self.editor, move |engine| work(&engine.by(actor))).await
    }

    /// Waits for a turn, which ends when the client goes away; work that has begun is done to its end.
    async fn on_blocking_thread<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, Status> {
        // Nobody closes the semaphores.
        let turn = Arc::clone(turns).acquire_owned().await.map_err(|_| status::shutting_down())?;
        let engine = Arc::clone(&self.engine);
        // Gone with this future: when the client left, or its deadline was over.
        let asked = Arc::new(());
        let somebody_waits = Arc::downgrade(&asked);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            somebody_waits.upgrade().map(|_| work(&engine))
        });
        match done.await {
            Ok(Some(done)) => done.map_err(status::of),
            Ok(None) => Err(status::nobody_waits()),
            Err(defect) => Err(status::of_defect(&defect)),
        }
    }

    /// Waits for something that may take long; not beyond the server's end.
    async fn wait<T>(&self, something: impl Future<Output = T>) -> Result<T, Status> {
        self.stop.run_until_cancelled(something).await.ok_or_else(status::shutting_down)
    }
}
