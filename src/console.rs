//! The console: pages for people, in the browser, over the same [`Engine`] as every other door.
//!
//! * HTML is made here, on the server; forms work without a script. Scripts only add what a page can do
//!   without: a bar that moves by itself.
//! * Like gRPC it translates and decides nothing: what may be is said by the engine, and a form shows the
//!   engine's words at the field that they are about.
//! * Every route is in one table ([`routes`]) that says who may go there. A route that is not in it does not
//!   exist, so none can be forgotten.
//! * Whatever changes something is a POST whose origin and token were checked before its handler is run.
//! * No page has a script or a style in it, and nothing that came from outside is HTML: `maud` escapes it.
//!
//! `docs/decisions/0060-console.md` says how a page is added.

mod assets;
mod attestation;
mod control;
mod failure;
mod form;
mod guard;
mod host;
mod layout;
mod pages;
mod plot;
mod server;
mod show;
mod table;
mod visit;
mod widgets;

use std::sync::Arc;

use axum::Router;
use axum::http::Method;
use dashmap::DashMap;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, EngineError, SessionKey};
use crate::notifier::Ways;

pub use server::serve;
pub use table::Who;

/// What the console is told of the process that it is in.
#[derive(Debug)]
pub struct Surroundings {
    /// Names by which this server is known, beside addresses and `localhost`.
    pub hosts: Vec<String>,
    /// How people and programs are reached.
    pub ways: watch::Receiver<Ways>,
    /// Whether requests over gRPC need a token.
    pub tokens_required: bool,
}

/// How many requests read the store at the same time; more of them wait for their turn.
const MAX_READERS: usize = 8;

/// What every page works with.
#[derive(Debug, Clone)]
struct Console(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    engine: Arc<Engine>,
    stop: CancellationToken,
    readers: Arc<Semaphore>,
    /// One, as the store has one writer.
    editor: Arc<Semaphore>,
    /// One, so that nobody is told by many mails at a time that they arrive.
    testers: Semaphore,
    surroundings: Surroundings,
    /// Cookies know no ports: two servers on one machine must not take each other's.
    cookie: String,
    /// Set-ups of sources under way.
    drafts: DashMap<SessionKey, pages::Draft>,
    /// Settings documents that somebody looks at before they take them over.
    documents: DashMap<SessionKey, pages::ImportedDocument>,
    /// What is said on the next page that somebody sees.
    flashes: DashMap<SessionKey, Vec<visit::Flash>>,
}

impl std::ops::Deref for Console {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Console {
    fn new(engine: Arc<Engine>, stop: CancellationToken, surroundings: Surroundings, port: u16) -> Self {
        let [readers, editor] = [MAX_READERS, 1].map(|turns| Arc::new(Semaphore::new(turns)));
        let cookie = format!("ringroute_session_{port}");
        Console(Arc::new(Shared {
            engine,
            stop,
            readers,
            editor,
            testers: Semaphore::new(1),
            surroundings,
            cookie,
            drafts: DashMap::new(),
            documents: DashMap::new(),
            flashes: DashMap::new(),
        }))
    }

    /// Does work that reads the store.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Engine>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.on_blocking_thread(&self.readers, work).await
    }

    /// Does work that changes the store.
    async fn edit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Engine>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.on_blocking_thread(&self.editor, work).await
    }

    /// Waits for a turn, which ends when the browser goes away; work that has begun is done to its end.
    async fn on_blocking_thread<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        work: impl FnOnce(&Arc<Engine>) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        // Nobody closes the semaphores, and an error would only mean that nobody has to wait.
        let turn = Arc::clone(turns).acquire_owned().await.ok();
        let engine = Arc::clone(&self.engine);
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(&engine)
        });
        match done.await {
            Ok(done) => done,
            // Taken up by whoever serves the request, who answers with an error page.
            Err(defect) => std::panic::resume_unwind(defect.into_panic()),
        }
    }
}

/// Every route there is, and who may go there.
#[must_use]
pub fn routes() -> Vec<(Method, &'static str, Who)> {
    pages::all().into_iter().map(|entry| (entry.method, entry.path, entry.who)).collect()
}

fn router(console: &Console) -> Router {
    table::router(console, pages::all())
}
