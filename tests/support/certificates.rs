//! A certificate authority for a test, and a server's certificate from it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What a server needs, and the file that its clients need.
#[derive(Clone)]
pub struct Certificates {
    pub acceptor: TlsAcceptor,
    pub ca_file: PathBuf,
    /// The server's certificate and its key.
    pub server_files: (PathBuf, PathBuf),
    /// A client's, from the same authority.
    pub client_files: (PathBuf, PathBuf),
}

impl Certificates {
    /// New ones for 127.0.0.1 and localhost; the authority's certificate is put into `folder`.
    pub fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap();
        let ca_file = folder.join("ca.pem");
        std::fs::write(&ca_file, authority.pem()).unwrap();

        let server_key = KeyPair::generate().unwrap();
        let server = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let issuer = Issuer::new(params, key);
        let server = server.signed_by(&server_key, &issuer).unwrap();
        let client_key = KeyPair::generate().unwrap();
        let client = CertificateParams::new(vec!["client".to_owned()]).unwrap();
        let client = client.signed_by(&client_key, &issuer).unwrap();
        let files = |name: &str, certificate: &str, key: &KeyPair| {
            let paths = (folder.join(format!("{name}.pem")), folder.join(format!("{name}-key.pem")));
            std::fs::write(&paths.0, certificate).unwrap();
            std::fs::write(&paths.1, key.serialize_pem()).unwrap();
            paths
        };
        let server_files = files("server", &server.pem(), &server_key);
        let client_files = files("client", &client.pem(), &client_key);
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![server.der().clone()],
                PrivateKeyDer::try_from(server_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Certificates { acceptor, ca_file, server_files, client_files }
    }
}
