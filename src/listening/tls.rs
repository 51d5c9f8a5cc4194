//! TLS for servers, with certificates that are replaced while connections go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_util::sync::CancellationToken;

use crate::config::TlsConfig;

/// What gRPC speaks.
pub const GRPC: &[&[u8]] = &[b"h2"];

/// What browsers speak.
pub const HTTP: &[&[u8]] = &[b"h2", b"http/1.1"];

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

/// A certificate and its key, as they are now.
#[derive(Debug)]
pub struct Tls {
    files: TlsConfig,
    protocols: &'static [&'static [u8]],
    current: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
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
    /// Reads the files; speaks one of `protocols`, such as [`GRPC`].
    pub fn load(files: &TlsConfig, protocols: &'static [&'static [u8]]) -> Result<Arc<Self>, TlsError> {
        let content = Files::read(files)?;
        let current = ArcSwap::from_pointee(Loaded {
            config: content.config(files, protocols)?,
            digest: content.digest(),
        });
        Ok(Arc::new(Tls { files: files.clone(), protocols, current }))
    }

    /// Reads the files again, and says whether they had changed. Handshakes from now on use what they hold;
    /// connections go on. When something is wrong with them, everything stays as it is.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let content = Files::read(&self.files)?;
        let digest = content.digest();
        if digest == self.current.load().digest {
            return Ok(false);
        }
        let config = content.config(&self.files, self.protocols)?;
        self.current.store(Arc::new(Loaded { config, digest }));
        Ok(true)
    }

    /// Looks at the files now and then and whenever the process is told to reload (SIGHUP), until `stop`. What is
    /// wrong with them is told once, not each time.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        let mut told_to = Hangups::new();
        let mut told = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = told_to.next() => {}
            }
            told = self.look(told).await;
        }
    }

    /// One look; returns what was wrong, if anything.
    async fn look(self: &Arc<Self>, told: Option<String>) -> Option<String> {
        let tls = Arc::clone(self);
        // A panic would be a defect of a library; the certificates that are there still serve.
        match tokio::task::spawn_blocking(move || tls.reload()).await.ok()? {
            Ok(has_changed) => {
                if has_changed {
                    tracing::info!(certificate = %self.files.certificate.display(), "the new certificate is used");
                }
                None
            }
            Err(error) => {
                let problem = error.to_string();
                if told.as_ref() != Some(&problem) {
                    tracing::warn!(%problem, "a new certificate cannot be used; the one before goes on serving");
                }
                Some(problem)
            }
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.load().config))
    }
}

/// The signals that say: read your files again.
struct Hangups {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    fn new() -> Self {
        Hangups {
            // Where it cannot be had, the files are still looked at now and then.
            #[cfg(unix)]
            signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok(),
        }
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals
            && signals.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
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
        let client_ca = self.client_ca.as_deref().unwrap_or_default();
        for content in [&*self.certificate, &*self.key, client_ca] {
            // With its length, so that no byte moves from one file into the next.
            hasher.update(&(content.len() as u64).to_le_bytes()).update(content);
        }
        hasher.finalize()
    }

    fn config(&self, files: &TlsConfig, protocols: &[&[u8]]) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = certificates("tls.certificate", &files.certificate, &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| {
            problem(
                "tls.key",
                &files.key,
                &format!("{error}; a private key (PEM) without a password is expected"),
            )
        })?;
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
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            problem("tls.key", &files.key, &format!("does not fit tls.certificate: {error}"))
        })?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

fn problem(field: &'static str, path: &Path, problem: &str) -> TlsError {
    TlsError { field, path: path.to_owned(), problem: problem.to_owned() }
}

fn certificates(
    field: &'static str,
    path: &Path,
    content: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(content).collect::<Result<Vec<_>, _>>();
    let certificates = read.map_err(|error| problem(field, path, &error.to_string()))?;
    if certificates.is_empty() {
        return Err(problem(field, path, "has no certificates; PEM is expected"));
    }
    Ok(certificates)
}
