//! How mails and webhooks leave this process.

use std::path::PathBuf;

use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer};

use crate::secret::Secret;
use crate::settings::is_this_machine;

/// The mail server that Feedback Email goes to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// Its name or address.
    pub host: String,
    /// Its port; unless given, the usual one for the encryption.
    #[serde(default)]
    pub port: Option<u16>,
    /// What is encrypted.
    #[serde(default)]
    pub encryption: MailEncryption,
    /// Who logs in; nobody unless given.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password: `env:NAME` or `file:PATH`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Who the mails are from: `Ringroute <ringroute@example.com>`.
    #[serde(deserialize_with = "mailbox")]
    pub from: Mailbox,
    /// Certificates (PEM) that the server's certificate is checked against, in place of the system's.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// How long sending a mail may take, 1 to 600.
    #[serde(default = "default_mail_timeout")]
    pub timeout_seconds: u64,
}

/// What of the way to the mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailEncryption {
    /// Everything from STARTTLS on, or no mail is sent. Port 587.
    #[default]
    Starttls,
    /// Everything. Port 465.
    Tls,
    /// Nothing: mails can be read and changed on the way. Port 25.
    DangerouslyNone,
}

/// How webhooks are reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Certificates (PEM) that servers' certificates are checked against, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long a request may take, 1 to 600.
    pub timeout_seconds: u64,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        WebhookConfig { ca_file: None, timeout_seconds: 10 }
    }
}

fn default_mail_timeout() -> u64 {
    30
}

fn mailbox<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mailbox, D::Error> {
    let text = String::deserialize(deserializer)?;
    let expected = "an email address, such as \"Ringroute <ringroute@example.com>\"";
    let is_one_line = !text.chars().any(char::is_control);
    let read =
        text.parse::<Mailbox>().ok().filter(|mailbox| is_one_line && mailbox.email.to_string().is_ascii());
    read.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not {expected}")))
}

impl MailConfig {
    /// The port, given or usual.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.encryption {
            MailEncryption::Starttls => 587,
            MailEncryption::Tls => 465,
            MailEncryption::DangerouslyNone => 25,
        })
    }

    /// What cannot be, if anything: the field, and what is wrong.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        if self.host.trim().is_empty() {
            return Some(("mail.host", "is empty; the name of the mail server is expected".into()));
        }
        if let Some((name, port)) = self.host.rsplit_once(':').filter(|(name, _)| !name.contains(':')) {
            let problem =
                format!("{:?} is a name and a port; write host = {name:?} and port = {port}", self.host);
            return Some(("mail.host", problem));
        }
        if self.port == Some(0) {
            return Some(("mail.port", "0 is no port; 1 to 65535 is expected".into()));
        }
        if let Some(problem) = self.password.as_ref().and_then(Secret::problem) {
            return Some(("mail.password", problem));
        }
        if self.password.as_ref().is_some_and(Secret::is_stored) {
            return Some(("mail.password", "nothing is stored; write env:NAME or file:PATH".into()));
        }
        if self.user.is_some() != self.password.is_some() {
            return Some(("mail.user", "user and password belong together; one of them is missing".into()));
        }
        let is_clear = self.encryption == MailEncryption::DangerouslyNone && !is_this_machine(&self.host);
        if is_clear && self.password.is_some() {
            let problem = "the password could be read on the way; encrypt, or leave out user and password";
            return Some(("mail.encryption", problem.into()));
        }
        timeout_problem("mail.timeout_seconds", self.timeout_seconds)
    }
}

impl WebhookConfig {
    /// What cannot be, if anything: the field, and what is wrong.
    pub(super) fn problem(&self) -> Option<(&'static str, String)> {
        timeout_problem("webhook.timeout_seconds", self.timeout_seconds)
    }
}

fn timeout_problem(field: &'static str, seconds: u64) -> Option<(&'static str, String)> {
    (!(1..=600).contains(&seconds)).then(|| (field, format!("{seconds} is not 1 to 600")))
}
