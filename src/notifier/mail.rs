//! Feedback Email, over SMTP.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::report::Report;
use super::{Attempt, tls};
use crate::config::{MailConfig, MailEncryption};

/// Sends a report to an address, within the time that the configuration allows.
pub(super) async fn send(server: &MailConfig, to: &str, report: &Report<'_>, now: Timestamp) -> Attempt {
    let message = match message(server, to, report, now) {
        Ok(message) => message,
        Err(problem) => return Attempt::Never(problem),
    };
    let limit = Duration::from_secs(server.timeout_seconds);
    let sending = async {
        let transport = transport(server).await.map_err(Attempt::Later)?;
        transport.send(message).await.map_err(|error| {
            let where_ = format!("mail server {}:{}: {error}", server.host, server.port());
            // A wrong password may be put right; a mailbox that is not there comes back less often.
            if error.is_permanent() { Attempt::Never(where_) } else { Attempt::Later(where_) }
        })?;
        Ok(Attempt::Sent)
    };
    match tokio::time::timeout(limit, sending).await {
        Ok(Ok(attempt) | Err(attempt)) => attempt,
        Err(_) => Attempt::Later(format!(
            "mail server {}:{}: not done after {} s",
            server.host,
            server.port(),
            limit.as_secs()
        )),
    }
}

fn message(server: &MailConfig, to: &str, report: &Report<'_>, now: Timestamp) -> Result<Message, String> {
    let to = to.parse().map_err(|error| format!("{to:?} is no address: {error}"))?;
    // The same for every attempt, so that a mail that comes twice is known by it.
    let began = report.news.run.started_at.as_second();
    let id = format!("<ringroute.{}.{began}@{}>", report.id, server.from.email.domain());
    // RFC 3834: nobody is on holiday for this.
    let generated =
        HeaderName::new_from_ascii("Auto-Submitted".to_owned()).map_err(|error| error.to_string())?;
    Message::builder()
        .from(server.from.clone())
        .to(Mailbox::new(None, to))
        .subject(report.subject())
        .date(UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default()))
        .message_id(Some(id))
        .raw_header(HeaderValue::new(generated, "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(report.text(), report.html()))
        .map_err(|error| error.to_string())
}

/// A connection for each mail: they are rare, and a fresh one has no history.
async fn transport(server: &MailConfig) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let tls = match server.encryption {
        MailEncryption::Starttls => Tls::Required(parameters(server).await?),
        MailEncryption::Tls => Tls::Wrapper(parameters(server).await?),
        MailEncryption::DangerouslyNone => Tls::None,
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port())
        .timeout(Some(Duration::from_secs(server.timeout_seconds)))
        .tls(tls);
    let Some((user, password)) = server.user.as_ref().zip(server.password.as_ref()) else {
        return Ok(builder.build());
    };
    let password = password.resolve().await.map_err(|error| format!("mail.password: {error}"))?;
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
