//! TLS for servers, with certificates that are replaced while connections go on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_util::sync::CancellationToken;

use crate::config::TlsConfig;
use crate::pem;

/// What is spoken through a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    /// HTTP/2 alone.
    Grpc,
    /// What browsers and Prometheus speak.
    Http,
}

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Why certificates cannot be used, and which file it is about.
#[derive(Debug, thiserror::Error)]
#[error("{field} {path}: {problem}", path = path.display())]
pub struct TlsError {
    field: &'static str,
    path: PathBuf,
    problem: String,
}

/// A certificate and its key, as they are now; one for all doors.
#[derive(Debug)]
pub struct Tls {
    /// Where they are looked for.
    files: ArcSwap<TlsConfig>,
    current: ArcSwap<Loaded>,
    /// What was wrong with the files when they were last looked at, and was told.
    told: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Loaded {
    grpc: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
    /// Of the files' content: modification times lie, where files are links or written twice in a moment.
    digest: blake3::Hash,
}

/// The content of the files.
struct Files {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    pub fn load(files: &TlsConfig) -> Result<Arc<Self>, TlsError> {
        let content = Files::read(files)?;
        let current = content.loaded(files, content.digest())?;
        Ok(Arc::new(Tls {
            files: ArcSwap::from_pointee(files.clone()),
            current: ArcSwap::from_pointee(current),
            told: Mutex::default(),
        }))
    }

    /// Reads the files again, and says whether they had changed. Handshakes from now on use what they hold;
    /// connections go on. When something is wrong with them, everything stays as it is.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let files = self.files.load();
        let content = Files::read(&files)?;
        let digest = content.digest();
        if digest == self.current.load().digest {
            return Ok(false);
        }
        self.current.store(Arc::new(content.loaded(&files, digest)?));
        Ok(true)
    }

    /// Looks at the files now and then, until `stop`.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        while tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await.is_err() {
            self.look().await;
        }
    }

    /// Looks at these files, now and from now on.
    pub async fn look_at(self: &Arc<Self>, files: TlsConfig) {
        self.files.store(Arc::new(files));
        self.look().await;
    }

    /// One look. What is wrong is told once, not each time.
    async fn look(self: &Arc<Self>) {
        let tls = Arc::clone(self);
        // A panic would be a defect of a library; the certificates that are there still serve.
        let Ok(looked) = tokio::task::spawn_blocking(move || tls.reload()).await else { return };
        let problem = match looked {
            Ok(has_changed) => {
                if has_changed {
                    let certificate = self.files.load().certificate.display().to_string();
                    tracing::info!(certificate, "the new certificate is used");
                }
                None
            }
            Err(error) => Some(error.to_string()),
        };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(problem) = &problem
            && told.as_ref() != Some(problem)
        {
            tracing::warn!(%problem, "a new certificate cannot be used; the one before goes on serving");
        }
        *told = problem;
    }

    pub(super) fn acceptor(&self, spoken: Spoken) -> TlsAcceptor {
        let current = self.current.load();
        TlsAcceptor::from(Arc::clone(match spoken {
            Spoken::Grpc => &current.grpc,
            Spoken::Http => &current.http,
        }))
    }
}

impl Files {
    fn read(files: &TlsConfig) -> Result<Self, TlsError> {
        let read = |field, path: &Path| {
            std::fs::read(path).map_err(|error| problem(field, path, &format!("cannot be read: {error}")))
        };
        Ok(Files {
            certificate: read("tls.certificate", &files.certificate)?,
            key: read("tls.key", &files.key)?,
            client_ca: files.client_ca.as_ref().map(|path| read("tls.client_ca", path)).transpose()?,
        })
    }

    fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        // An authority that is not named is no file, not even an empty one.
        for content in [&*self.certificate, &*self.key].into_iter().chain(self.client_ca.as_deref()) {
            // With its length, so that no byte moves from one file into the next.
            hasher.update(&(content.len() as u64).to_le_bytes()).update(content);
        }
        hasher.finalize()
    }

    fn loaded(&self, files: &TlsConfig, digest: blake3::Hash) -> Result<Loaded, TlsError> {
        let mut grpc = self.config(files)?;
        let mut http = grpc.clone();
        // A client that speaks nothing of it is told so in the handshake (ALPN, RFC 7301).
        grpc.alpn_protocols = vec![b"h2".to_vec()];
        http.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Loaded { grpc: Arc::new(grpc), http: Arc::new(http), digest })
    }

    fn config(&self, files: &TlsConfig) -> Result<ServerConfig, TlsError> {
        let certificates = |field, path: &Path, content: &[u8]| {
            pem::certificates(content).map_err(|found| problem(field, path, &found))
        };
        let chain = certificates("tls.certificate", &files.certificate, &self.certificate)?;
        let key = pem::private_key(&self.key).map_err(|found| problem("tls.key", &files.key, &found))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| problem("tls.certificate", &files.certificate, &error.to_string()))?;
        let builder = match (&files.client_ca, &self.client_ca) {
            (Some(path), Some(content)) => {
                let wrong =
                    |error: &dyn std::fmt::Display| problem("tls.client_ca", path, &error.to_string());
                let mut roots = RootCertStore::empty();
                for certificate in certificates("tls.client_ca", path, content)? {
                    roots.add(certificate).map_err(|error| wrong(&error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| wrong(&error))?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        builder.with_single_cert(chain, key).map_err(|error| {
            problem("tls.key", &files.key, &format!("does not fit tls.certificate: {error}"))
        })
    }
}

fn problem(field: &'static str, path: &Path, problem: &str) -> TlsError {
    TlsError { field, path: path.to_owned(), problem: problem.to_owned() }
}
