//! How people and programs are reached, as far as it may be seen.

use super::{Ways, mail};
use crate::config::{MailConfig, MailEncryption};

/// The mail server, as it may be seen: nothing of its password but where that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownMailServer {
    /// Its name and port.
    pub server: String,
    /// What of the way to it is encrypted, in words.
    pub encryption: &'static str,
    /// Who logs in; nobody unless given.
    pub user: Option<String>,
    /// Where the password is: `env:NAME`, `file:PATH`, or `stored:` when it is in the configuration itself.
    pub password: Option<String>,
    /// Who the mails are from.
    pub from: String,
    /// The file of certificates that the server's is checked against, in place of the system's.
    pub ca_file: Option<String>,
    /// How long sending a mail may take.
    pub timeout_seconds: u64,
}

impl Ways {
    /// The mail server, if there is one.
    #[must_use]
    pub fn shown_mail_server(&self) -> Option<ShownMailServer> {
        let server = self.mail.as_ref()?;
        let MailConfig { host: _, port: _, encryption, user, password, from, ca_file, timeout_seconds } =
            server;
        Some(ShownMailServer {
            server: mail::shown(server),
            encryption: match encryption {
                MailEncryption::Starttls => "from STARTTLS on",
                MailEncryption::Tls => "TLS from the start",
                MailEncryption::DangerouslyNone => "nothing is encrypted",
            },
            user: user.clone(),
            password: password.as_ref().map(|password| password.shown().to_owned()),
            from: from.to_string(),
            ca_file: ca_file.as_ref().map(|file| file.display().to_string()),
            timeout_seconds: *timeout_seconds,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_configuration_is_not_shown() {
        let configured = r#"{ "host": "mail.example.com", "user": "ringroute", "password": "hunter2 hunter2",
            "from": "ringroute@example.com" }"#;
        let mail: MailConfig = serde_json::from_str(configured).unwrap();
        let shown = Ways { mail: Some(mail), ..Ways::default() }.shown_mail_server().unwrap();
        assert_eq!(
            (shown.server.as_str(), shown.password.as_deref()),
            ("mail.example.com:587", Some("stored:"))
        );
        assert!(!format!("{shown:?}").contains("hunter2"));
        assert_eq!(Ways::default().shown_mail_server(), None);
    }
}
