//! Trying out whether people and programs can be told, without waiting for a run to fail.

use jiff::Timestamp;
use maud::{DOCTYPE, html};
use serde_json::json;

use super::failure::{Failure, FailureKind};
use super::mail::Letter;
use super::{Attempt, MAX_ERROR_CHARACTERS, Ways, mail, on_one_line, webhook};
use crate::settings::Webhook;

const SUBJECT: &str = "[Ringroute] Test";
const TEXT: &str =
    "This is a test: mails from Ringroute arrive here. Nothing happened, and there is nothing to do.";

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Who was asked, as far as it may be told; empty when nobody was.
    pub server: String,
    /// What it answered, if it took the message.
    pub result: Result<String, TrialFailure>,
}

/// Why a test did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialFailure {
    /// In the words of whoever said it; on one line.
    pub what: String,
    /// What kind of thing it is.
    pub kind: FailureKind,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Ways {
    /// Sends one mail.
    pub async fn test_mail(&self, to: &str, now: Timestamp) -> Trial {
        let Some(server) = &self.mail else {
            let failure = Failure {
                what: "no mail server is configured".to_owned(),
                kind: FailureKind::NotConfigured,
                is_final: true,
            };
            return Trial { server: String::new(), result: Err(told(failure, remedy_for_mail)) };
        };
        let letter = Letter {
            id: format!("test.{}", now.as_nanosecond()),
            subject: SUBJECT.to_owned(),
            text: format!("{TEXT}\n"),
            html: html! {
                (DOCTYPE)
                html lang="en" {
                    head { meta charset="utf-8"; title { (SUBJECT) } }
                    body style="font-family: sans-serif" { p { (TEXT) } }
                }
            }
            .into_string(),
        };
        let delivered = mail::deliver(server, to, letter, now).await;
        Trial {
            server: mail::shown(server),
            result: delivered.map(shortened).map_err(|failure| told(failure, remedy_for_mail)),
        }
    }

    /// Sends one message to a webhook, of the event `test`.
    pub async fn test_webhook(&self, source: &str, webhook: &Webhook, now: Timestamp) -> Trial {
        let server = webhook.url.shown();
        let body = json!({ "event": "test", "source": source, "sent_at": now.to_string() }).to_string();
        let result = match webhook::deliver(&self.webhook, webhook, body, now).await {
            Ok(status) => match webhook::judged(status, &server) {
                Attempt::Sent => Ok(status.to_string()),
                Attempt::Later(what) => Err(Failure { what, kind: FailureKind::PutOff, is_final: false }),
                Attempt::Never(what) => Err(Failure { what, kind: FailureKind::Refused, is_final: true }),
            },
            Err(failure) => Err(failure),
        };
        Trial { server, result: result.map_err(|failure| told(failure, remedy_for_webhook)) }
    }
}

fn shortened(text: String) -> String {
    on_one_line(&text, MAX_ERROR_CHARACTERS)
}

fn told(failure: Failure, remedy: fn(FailureKind) -> &'static str) -> TrialFailure {
    let Failure { what, kind, .. } = failure;
    TrialFailure { what: shortened(what), kind, remedy: remedy(kind) }
}

fn remedy_for_mail(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::NotConfigured => {
            "name one under [mail] in ringroute.toml (host, from, user and password), and have the server read it again"
        }
        FailureKind::Secret => {
            "the variable or file that mail.password names must be there, and readable, for the server's process"
        }
        FailureKind::Unreachable => {
            "check mail.host and mail.port in ringroute.toml, that the mail server is up, and that no firewall is in \
             between"
        }
        FailureKind::NoAnswer => {
            "check that mail.port is the one for mail.encryption (starttls: 587, tls: 465): a server that expects the \
             other kind says nothing. Or it is slow: mail.timeout_seconds"
        }
        FailureKind::Encryption => {
            "mail.encryption must be what the server offers at this port (starttls: 587, tls: 465), mail.host a name \
             that is in its certificate, and the certificate of an authority of your own be named by mail.ca_file"
        }
        FailureKind::Login => {
            "check mail.user and the password that mail.password names; some providers want one made for programs. \
             Without a login, leave out both"
        }
        FailureKind::Refused => {
            "check the address, and that the server lets this user send from the address in mail.from"
        }
        FailureKind::PutOff => {
            "try again in some minutes: many servers put off a sender whom they do not know yet. A notification is \
             tried again by itself"
        }
    }
}

fn remedy_for_webhook(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::NotConfigured => "give the source a webhook (notify.webhook)",
        FailureKind::Secret => {
            "the variable or file that the webhook's secret names must be there, and readable, for the server's process"
        }
        FailureKind::Unreachable => {
            "check host and port of the webhook's URL, that the web server is up, and that no firewall is in between"
        }
        FailureKind::NoAnswer => {
            "check that a web server is at this port, and that it answers within webhook.timeout_seconds: it can work \
             after it has answered"
        }
        FailureKind::Encryption => {
            "the URL's host must be a name in the web server's certificate, and the certificate of an authority of your \
             own be named by webhook.ca_file in ringroute.toml"
        }
        FailureKind::Login | FailureKind::Refused => {
            "check the path of the URL, that the web server takes POST with JSON, and that it knows the same secret"
        }
        FailureKind::PutOff => {
            "look at what the web server's log says, and try again. A notification is tried again by itself"
        }
    }
}
