//! Feedback Email, over SMTP.

use std::error::Error;
use std::io;
use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::failure::{Failure, FailureKind, causes};
use super::report::Report;
use super::{Attempt, tls};
use crate::config::{MailConfig, MailEncryption};

/// A mail, without what every mail has.
pub(super) struct Letter {
    /// Unique, and the same for every attempt, so that a mail that comes twice is known by it.
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Letter {
    fn of(report: &Report<'_>) -> Self {
        Letter {
            id: format!("{}.{}", report.id, report.news.run.started_at.as_second()),
            subject: report.subject(),
            text: report.text(),
            html: report.html(),
        }
    }
}

/// Sends a report to an address, within the time that the configuration allows.
pub(super) async fn send(server: &MailConfig, to: &str, report: &Report<'_>, now: Timestamp) -> Attempt {
    match deliver(server, to, Letter::of(report), now).await {
        Ok(_) => Attempt::Sent,
        // A mailbox that is not there comes back seldom.
        Err(Failure { what, is_final: true, .. }) => Attempt::Never(what),
        Err(Failure { what, .. }) => Attempt::Later(what),
    }
}

/// Where the server is, for people.
pub(super) fn shown(server: &MailConfig) -> String {
    format!("{}:{}", server.host, server.port())
}

/// Hands a mail to the server. Returns what it answered.
pub(super) async fn deliver(
    server: &MailConfig,
    to: &str,
    letter: Letter,
    now: Timestamp,
) -> Result<String, Failure> {
    let message = message(server, to, letter, now).map_err(|what| Failure {
        what,
        kind: FailureKind::Refused,
        is_final: true,
    })?;
    let limit = Duration::from_secs(server.timeout_seconds);
    let server_is = format!("mail server {}", shown(server));
    let sending = async {
        transport(server).await?.send(message).await.map_err(|error| {
            let kind = kind_of(&error);
            // A password that was changed at the server is put right here too, sooner or later.
            let is_final = error.is_permanent() && kind != FailureKind::Login;
            Failure { what: format!("{server_is}: {error}"), kind, is_final }
        })
    };
    let answer = tokio::time::timeout(limit, sending).await.map_err(|_| Failure {
        what: format!("{server_is}: not done after {} s", limit.as_secs()),
        kind: FailureKind::NoAnswer,
        is_final: false,
    })??;
    Ok(format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" ")))
}

/// What an error is about. The library tells apart where it happened, and not what.
fn kind_of(error: &lettre::transport::smtp::Error) -> FailureKind {
    if let Some(code) = error.status() {
        return match u16::from(code) {
            // RFC 4954, section 6, and RFC 3207.
            530 | 534 | 535 | 538 => FailureKind::Login,
            500.. => FailureKind::Refused,
            _ => FailureKind::PutOff,
        };
    }
    if error.is_client() {
        let is_about_login = error.to_string().contains("authentication");
        return if is_about_login { FailureKind::Login } else { FailureKind::Encryption };
    }
    if error.is_tls() || tls::is_cause_of(error) {
        return FailureKind::Encryption;
    }
    let is_talk_over = error.is_timeout() || error.is_response() || was_hung_up(error);
    if is_talk_over { FailureKind::NoAnswer } else { FailureKind::Unreachable }
}

/// Whether somebody was there, and went away.
fn was_hung_up(error: &(dyn Error + 'static)) -> bool {
    causes(error).filter_map(|error| error.downcast_ref::<io::Error>()).any(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        )
    })
}

fn message(server: &MailConfig, to: &str, letter: Letter, now: Timestamp) -> Result<Message, String> {
    let to = to.parse().map_err(|error| format!("{to:?} is no address: {error}"))?;
    let Letter { id, subject, text, html } = letter;
    let id = format!("<ringroute.{id}@{}>", server.from.email.domain());
    // RFC 3834: nobody is on holiday for this.
    let generated =
        HeaderName::new_from_ascii("Auto-Submitted".to_owned()).map_err(|error| error.to_string())?;
    Message::builder()
        .from(server.from.clone())
        .to(Mailbox::new(None, to))
        .subject(subject)
        .date(UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default()))
        .message_id(Some(id))
        .raw_header(HeaderValue::new(generated, "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(text, html))
        .map_err(|error| error.to_string())
}

/// A connection for each mail: they are rare, and a fresh one has no history.
async fn transport(server: &MailConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failure> {
    let failure = |kind| move |what| Failure { what, kind, is_final: false };
    let parameters = || async { parameters(server).await.map_err(failure(FailureKind::Encryption)) };
    let tls = match server.encryption {
        MailEncryption::Starttls => Tls::Required(parameters().await?),
        MailEncryption::Tls => Tls::Wrapper(parameters().await?),
        MailEncryption::DangerouslyNone => Tls::None,
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port())
        .timeout(Some(Duration::from_secs(server.timeout_seconds)))
        .tls(tls);
    let Some((user, password)) = server.user.as_ref().zip(server.password.as_ref()) else {
        return Ok(builder.build());
    };
    let password = password.resolve().await.map_err(|error| format!("mail.password: {error}"));
    let password = password.map_err(failure(FailureKind::Secret))?;
    Ok(builder.credentials(Credentials::new(user.clone(), password.as_str().to_owned())).build())
}

/// Reads files: not on a thread that answers calls.
async fn parameters(server: &MailConfig) -> Result<TlsParameters, String> {
    let (host, ca_file) = (server.host.clone(), server.ca_file.clone());
    let building = tokio::task::spawn_blocking(move || {
        let mut builder = TlsParameters::builder(host);
        if let Some(file) = ca_file {
            builder = builder.certificate_store(CertificateStore::None);
            for certificate in tls::certificates(&file)? {
                let certificate =
                    Certificate::from_der(certificate.to_vec()).map_err(|error| error.to_string())?;
                builder = builder.add_root_certificate(certificate);
            }
        }
        builder.build_rustls().map_err(|error| error.to_string())
    });
    building.await.unwrap_or_else(|failure| Err(failure.to_string()))
}
