//! The server as a test holds it: it starts with this value, and ends with it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::certificate::{Certificate, CertificateKind};
use crate::connection::Listener;
use crate::engine::attention::Attention;
use crate::engine::output::Output;
use crate::engine::{Core, KnownLogin, Request, Session};
use crate::faults::Faults;
use crate::login::Login;
use crate::packet::{DEFAULT_PACKET_SIZE, Reply};
use crate::prelogin::{Encrypted, Encryption};
use crate::script::batches;
use crate::tls::Acceptors;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Of every thread that executes SQL; only what is used is ever taken.
const STACK: usize = 64 * 1024 * 1024;

/// How a server is to be.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0: any that is free.
    pub listen: SocketAddr,
    /// What it does about TLS.
    pub encryption: Encryption,
    /// Its certificate.
    pub certificate: CertificateKind,
    /// The administrator, who may do everything.
    pub user: String,
    /// The administrator's password.
    pub password: String,
    /// The databases that there are at the start, beside `master`. The first is the administrator's own.
    pub databases: Vec<String>,
    /// What the server calls itself in messages.
    pub name: String,
    /// The named instance that it is.
    pub instance: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            encryption: Encryption::default(),
            certificate: CertificateKind::default(),
            user: "sa".to_owned(),
            password: "Test-Server-1".to_owned(),
            databases: vec!["ringroute".to_owned()],
            name: "TDSTEST".to_owned(),
            instance: None,
        }
    }
}

/// A running server. It has threads of its own and needs no runtime of the caller; it ends when it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    options: Options,
    core: Arc<Core>,
    certificate: Certificate,
    runtime: Option<Runtime>,
}

impl Server {
    /// A server with the usual options.
    pub fn start() -> Result<Self, AnyError> {
        Self::with(Options::default())
    }

    /// A server as it was asked for.
    pub fn with(options: Options) -> Result<Self, AnyError> {
        let core = Arc::new(Core::new(&options.name)?);
        for database in &options.databases {
            core.create_database(database)?;
        }
        core.add_login(KnownLogin {
            name: options.user.clone(),
            password: options.password.clone(),
            database: options.databases.first().cloned().unwrap_or_else(|| "master".to_owned()),
            administrator: true,
            enabled: true,
        });
        let certificate = Certificate::make(&options.certificate)?;
        let listener = Arc::new(Listener {
            core: core.clone(),
            acceptors: Acceptors::new(&certificate)?,
            encryption: options.encryption,
            instance: options.instance.clone(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("tds-test-server")
            // Statements are translated by recursion, and a client may nest them as deep as is allowed.
            .thread_stack_size(STACK)
            .enable_all()
            .build()?;
        let socket = std::net::TcpListener::bind(options.listen)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let guard = runtime.enter();
        let socket = tokio::net::TcpListener::from_std(socket)?;
        drop(guard);
        runtime.spawn(async move {
            loop {
                if let Ok((stream, _)) = socket.accept().await {
                    let listener = listener.clone();
                    tokio::spawn(async move { listener.serve(stream).await });
                }
            }
        });
        Ok(Self { address, options, core, certificate, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The options that it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// The CA's certificate as a PEM file, for as long as the server lives.
    pub fn ca_file(&self) -> &Path {
        self.certificate.ca_file()
    }

    /// An ADO.NET connection string to the first database, as the administrator, over TLS with the server's CA.
    ///
    /// (`TrustServerCertificateCA` is tiberius's own key for a CA file.)
    pub fn connection_string(&self) -> String {
        let database = self.options.databases.first().map_or("master", String::as_str);
        format!(
            "Server=tcp:{},{};Database={database};User Id={};Password={};Encrypt=true;TrustServerCertificateCA={}",
            self.address.ip(),
            self.address.port(),
            self.options.user,
            self.options.password,
            self.ca_file().display()
        )
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// Runs T-SQL in a database as the administrator, without a connection. Lines with `GO` part batches.
    ///
    /// The error is the first that a statement caused.
    pub fn run(&self, database: &str, script: &str) -> Result<(), AnyError> {
        let options = &self.options;
        let login = Login {
            user: options.user.clone(),
            password: options.password.clone(),
            database: database.to_owned(),
            application: "tds-test-server".to_owned(),
            host: String::new(),
            server: String::new(),
            read_only: false,
            packet_size: 0,
            tds_version: 0,
            integrated: false,
        };
        let refused = |messages: Vec<crate::ServerMessage>| {
            messages.first().map_or_else(String::new, ToString::to_string)
        };
        let admitted = self.core.admit(&login).map_err(|error| refused(error.0))?;
        let mut session = Session::open(self.core.clone(), &login, admitted, Arc::new(Attention::default()))?;
        // The caller may be a task, where a session must not wait; a thread may.
        std::thread::scope(|scope| {
            let work = std::thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, || batches(script).iter().try_for_each(|batch| session.run(batch)))
                .map_err(|error| error.to_string())?;
            work.join().map_err(|_| "the session panicked".to_owned())?.map_err(|message| message.to_string())
        })?;
        Ok(())
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> u64 {
        self.core.statistics.connections.load(Ordering::SeqCst)
    }

    /// How many connections are open now.
    pub fn open_connections(&self) -> u64 {
        self.core.statistics.open_connections.load(Ordering::SeqCst)
    }

    /// How many requests are being worked on now.
    pub fn running_requests(&self) -> u64 {
        self.core.statistics.running_requests.load(Ordering::SeqCst)
    }

    /// How many attentions came so far.
    pub fn attentions(&self) -> u64 {
        self.core.statistics.attentions.load(Ordering::SeqCst)
    }

    /// How many rows were taken from SQLite and written so far.
    pub fn rows(&self) -> u64 {
        self.core.statistics.rows.load(Ordering::SeqCst)
    }

    /// The batches that came, the oldest first, each cut to its first 4096 bytes.
    pub fn statements(&self) -> Vec<String> {
        self.core.statistics.statements()
    }

    /// What clients said when they logged in, refused ones too, and what was encrypted.
    pub fn logins(&self) -> Vec<(Login, Encrypted)> {
        self.core.statistics.logins()
    }

    pub(crate) fn runtime(&self) -> Option<&Runtime> {
        self.runtime.as_ref()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Session {
    /// A batch whose rows nobody wants; the first error is the result.
    fn run(&mut self, text: &str) -> Result<(), crate::ServerMessage> {
        let (frames, mut queue) = mpsc::channel(4);
        let drain = std::thread::spawn(move || while queue.blocking_recv().is_some() {});
        let mut output = Output::new(Reply::new(frames, DEFAULT_PACKET_SIZE), "");
        let first_error = self.answer(Request::Batch(text.to_owned()), &mut output);
        drop(output);
        drain.join().map_err(|_| crate::ServerMessage::error(0, "the drain panicked"))?;
        first_error.map_or(Ok(()), Err)
    }
}
