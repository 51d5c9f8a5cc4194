//! Whose certificates are believed.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use super::failure::causes;

/// Whether TLS is what an error goes back to.
pub(super) fn is_cause_of(error: &(dyn std::error::Error + 'static)) -> bool {
    let in_io = |error: &std::io::Error| error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>());
    causes(error).any(|error| error.is::<rustls::Error>() || error.downcast_ref().is_some_and(in_io))
}

/// The certificates in a file (PEM).
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let problem = |problem: String| format!("ca_file {}: {problem}", file.display());
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| problem(error.to_string()))?;
    if certificates.is_empty() {
        return Err(problem("has no certificates; PEM is expected".to_owned()));
    }
    Ok(certificates)
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
