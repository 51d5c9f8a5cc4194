//! Certificates: a CA of the server's own, and a server certificate that is good, or bad in the way a test wants.

use std::io::Write as _;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// What the server's certificate is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateKind {
    /// The names and addresses that it is for.
    pub names: Vec<String>,
    /// Whether it has expired.
    pub expired: bool,
    /// Whether it was signed by itself, and not by the CA.
    pub self_signed: bool,
}

impl Default for CertificateKind {
    fn default() -> Self {
        Self {
            names: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            expired: false,
            self_signed: false,
        }
    }
}

impl CertificateKind {
    /// A good one for another host.
    pub fn for_host(name: &str) -> Self {
        Self { names: vec![name.to_owned()], ..Self::default() }
    }

    /// One for this host that ran out.
    pub fn expired() -> Self {
        Self { expired: true, ..Self::default() }
    }

    /// One for this host that no CA has signed.
    pub fn self_signed() -> Self {
        Self { self_signed: true, ..Self::default() }
    }
}

/// A certificate chain with its key, and the CA as a file.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: Vec<u8>,
    ca: tempfile::NamedTempFile,
}

impl Certificate {
    pub(crate) fn make(kind: &CertificateKind) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.distinguished_name.push(DnType::CommonName, "Test CA of the TDS test server");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

        let mut leaf = CertificateParams::new(kind.names.clone())?;
        // Not a host's name: a machine may trust somebody whose name is "localhost".
        leaf.distinguished_name.push(DnType::CommonName, "TDS test server");
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        if kind.expired {
            leaf.not_before = date_time_ymd(2019, 1, 1);
            leaf.not_after = date_time_ymd(2020, 1, 1);
        }
        let key = KeyPair::generate()?;
        let leaf = if kind.self_signed { leaf.self_signed(&key)? } else { leaf.signed_by(&key, &authority)? };

        let mut ca = tempfile::Builder::new().prefix("tds-test-ca-").suffix(".pem").tempfile()?;
        ca.write_all(authority.pem().as_bytes())?;
        ca.flush()?;
        Ok(Self { chain: vec![leaf.der().to_vec()], key: key.serialize_der(), ca })
    }

    /// The CA's certificate, as a PEM file that goes away with the server.
    pub(crate) fn ca_file(&self) -> &Path {
        self.ca.path()
    }
}
