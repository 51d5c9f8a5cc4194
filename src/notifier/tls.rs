//! Whose certificates are believed.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::failure::causes;
use crate::pem;

/// Whether TLS is what an error goes back to.
pub(super) fn is_cause_of(error: &(dyn std::error::Error + 'static)) -> bool {
    let in_io = |error: &std::io::Error| error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    causes(error).any(|error| error.is::<rustls::Error>() || error.downcast_ref().is_some_and(in_io))
}

/// The certificates in a file (PEM).
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = std::fs::read(file).map_err(|error| format!("cannot be read: {error}"));
    let certificates = read.and_then(|content| pem::certificates(&content));
    certificates.map_err(|problem| format!("ca_file {}: {problem}", file.display()))
}

/// A client that believes the certificates in `ca_file`, or else those that the system believes.
pub(super) fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match ca_file {
        Some(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| format!("ca_file {}: {error}", file.display()))?;
            }
        }
        None => {
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
