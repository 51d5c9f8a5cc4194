//! Certificates and keys as files have them (PEM, RFC 7468), and what is wrong with one that cannot be read.

use tokio_rustls::rustls::pki_types::pem::{Error, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The certificates in a file, of which there has to be one. The error says what is wrong with the file.
pub fn certificates(content: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_slice_iter(content).collect::<Result<Vec<_>, _>>();
    let certificates = read.map_err(|error| problem(&error))?;
    if certificates.is_empty() {
        return Err("has no certificates; PEM is expected".to_owned());
    }
    Ok(certificates)
}

/// The private key in a file. The error says what is wrong with the file, and nothing of the key.
pub fn private_key(content: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(content)
        .map_err(|error| format!("{}; a private key (PEM) without a password is expected", problem(&error)))
}

/// Lines are not told as they were found: they would be told as bytes, and may be of a key.
fn problem(error: &Error) -> String {
    match error {
        Error::MissingSectionEnd { end_marker } => {
            format!("is cut off: the line -----END {}----- is missing", String::from_utf8_lossy(end_marker))
        }
        Error::IllegalSectionStart { line: _ } => "has a line with -----BEGIN that is none".to_owned(),
        Error::Base64Decode(_) => "is damaged: what is between its lines is no Base64".to_owned(),
        Error::NoItemsFound => "has none".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_in_words_and_without_the_content() {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (signed.cert.pem(), signed.signing_key.serialize_pem());
        assert_eq!(certificates(format!("{certificate}{certificate}").as_bytes()).unwrap().len(), 2);
        private_key(key.as_bytes()).unwrap();

        let half = |text: &str| text[..text.len() / 2].to_owned();
        for (content, expected) in [
            (half(&certificate), "is cut off: the line -----END CERTIFICATE----- is missing"),
            (certificate.replacen("CERTIFICATE-----", "CERT", 1), "has a line with -----BEGIN that is none"),
            (certificate.replacen("MII", "M_I", 1), "is damaged: what is between its lines is no Base64"),
            (key.clone(), "has no certificates; PEM is expected"),
            (String::new(), "has no certificates; PEM is expected"),
        ] {
            let problem = certificates(content.as_bytes()).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
        for (content, expected) in [
            (half(&key), "is cut off: the line -----END PRIVATE KEY----- is missing"),
            (key.replacen('\n', "", 1), "has a line with -----BEGIN that is none"),
            (key.replacen('M', "_", 1), "is damaged: what is between its lines is no Base64"),
            (certificate, "has none; a private key (PEM) without a password is expected"),
        ] {
            let problem = private_key(content.as_bytes()).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
            // Neither as it is nor as bytes.
            let of_key = &key.lines().nth(1).unwrap()[..8];
            assert!(!problem.contains(of_key) && !problem.contains('['), "{problem}");
        }
    }
}
