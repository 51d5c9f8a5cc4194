//! A webhook: one HTTP POST, signed.
//!
//! `Ringroute-Signature: v1=…` is the hexadecimal HMAC-SHA256, with the webhook's secret, of the value of
//! `Ringroute-Timestamp`, a full stop and the body. Redirects are not followed: what is signed for one server is told
//! to no other. Only the status of the answer is looked at.

use std::time::Duration;

use aws_lc_rs::hmac;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::failure::{Failure, FailureKind};
use super::report::Report;
use super::{Attempt, tls};
use crate::config::WebhookConfig;
use crate::settings::Webhook;

/// Seconds since 1970 at which the message was signed.
const TIMESTAMP: &str = "ringroute-timestamp";
const SIGNATURE: &str = "ringroute-signature";

/// Tells a webhook, within the time that the configuration allows.
pub(super) async fn send(
    config: &WebhookConfig,
    webhook: &Webhook,
    report: &Report<'_>,
    now: Timestamp,
) -> Attempt {
    match deliver(config, webhook, report.json(), now).await {
        Ok(status) => judged(status, &webhook.url.shown()),
        Err(Failure { what, .. }) => Attempt::Later(what),
    }
}

/// Posts a body. Returns what the server answered, whatever it was.
pub(super) async fn deliver(
    config: &WebhookConfig,
    webhook: &Webhook,
    body: String,
    now: Timestamp,
) -> Result<StatusCode, Failure> {
    let limit = Duration::from_secs(config.timeout_seconds);
    let shown = webhook.url.shown();
    let failure =
        |kind, problem: String| Failure { what: format!("{shown}: {problem}"), kind, is_final: false };
    match tokio::time::timeout(limit, post(config, webhook, body, now)).await {
        Ok(Ok(status)) => Ok(status),
        Ok(Err((kind, problem))) => Err(failure(kind, problem)),
        Err(_) => Err(failure(FailureKind::NoAnswer, format!("no answer after {} s", limit.as_secs()))),
    }
}

/// What an answer means for the next attempt.
pub(super) fn judged(status: StatusCode, shown: &str) -> Attempt {
    let answered = format!("{shown} answered {status}");
    let may_work_later = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    match status {
        _ if status.is_success() => Attempt::Sent,
        _ if may_work_later => Attempt::Later(answered),
        _ if status.is_redirection() => {
            Attempt::Never(format!("{answered}; redirects are not followed, write the final URL"))
        }
        _ => Attempt::Never(answered),
    }
}

async fn post(
    config: &WebhookConfig,
    webhook: &Webhook,
    body: String,
    now: Timestamp,
) -> Result<StatusCode, (FailureKind, String)> {
    let uri = webhook.url.uri();
    let secret = webhook.secret.resolve().await;
    let secret = secret.map_err(|error| (FailureKind::Secret, format!("webhook.secret: {error}")))?;
    let timestamp = now.as_second().to_string();
    let request = Request::builder()
        .method(Method::POST)
        .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(USER_AGENT, concat!("ringroute/", env!("CARGO_PKG_VERSION")))
        .header(CONTENT_TYPE, "application/json")
        .header(SIGNATURE, signature(secret.as_str(), &timestamp, &body))
        .header(TIMESTAMP, timestamp)
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| (FailureKind::Refused, error.to_string()))?;
    let stream = connect(uri).await.map_err(|error| (FailureKind::Unreachable, error))?;
    if uri.scheme_str() == Some("https") {
        let stream =
            encrypted(config, uri, stream).await.map_err(|error| (FailureKind::Encryption, error))?;
        exchange(stream, request).await
    } else {
        exchange(stream, request).await
    }
    .map_err(|error| (FailureKind::NoAnswer, error))
}

async fn encrypted(
    config: &WebhookConfig,
    uri: &Uri,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    let ca_file = config.ca_file.clone();
    // Reads files: not on a thread that answers calls.
    let client = tokio::task::spawn_blocking(move || tls::client(ca_file.as_deref()));
    let client = client.await.map_err(|failure| failure.to_string())??;
    let name = ServerName::try_from(host(uri).to_owned()).map_err(|error| error.to_string())?;
    TlsConnector::from(client).connect(name, stream).await.map_err(|error| format!("TLS: {error}"))
}

fn signature(secret: &str, timestamp: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut context = hmac::Context::with_key(&key);
    for part in [timestamp, ".", body] {
        context.update(part.as_bytes());
    }
    let digits: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={digits}")
}

/// Without the brackets that an IPv6 address has in a URL.
fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

async fn connect(uri: &Uri) -> Result<TcpStream, String> {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = uri.port_u16().unwrap_or(usual);
    TcpStream::connect((host(uri), port)).await.map_err(|error| error.to_string())
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<StatusCode, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let sending = sender.send_request(request);
    tokio::pin!(sending);
    // The connection lives as long as the exchange, and not beyond its bound.
    let answer = tokio::select! {
        answer = &mut sending => answer,
        // Closed: with the answer, or without one, which the sender knows. How it was closed does not matter.
        _ = connection => sending.await,
    };
    answer.map(|answer| answer.status()).map_err(|error| format!("no answer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2: its data, taken apart so that there is a full stop to sign.
    #[test]
    fn the_signature_is_hmac_sha256_of_timestamp_full_stop_and_body() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"Jefe");
        let known = hmac::sign(&key, b"what do ya want for nothing?");
        let digits: String = known.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digits, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let whole = hmac::sign(&key, b"1700000000.{\"a\":1}");
        let digits: String = whole.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(signature("Jefe", "1700000000", "{\"a\":1}"), format!("v1={digits}"));
    }

    #[test]
    fn an_answer_says_whether_to_try_again() {
        let judged = |status: u16| judged(StatusCode::from_u16(status).unwrap(), "https://example.com");
        for status in [200, 201, 202, 204] {
            assert_eq!(judged(status), Attempt::Sent, "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert!(matches!(judged(status), Attempt::Later(_)), "{status}");
        }
        for status in [301, 302, 307, 308, 400, 401, 403, 404, 410] {
            assert!(matches!(judged(status), Attempt::Never(_)), "{status}");
        }
        let Attempt::Never(problem) = judged(302) else { panic!("followed") };
        assert_eq!(
            problem,
            "https://example.com answered 302 Found; redirects are not followed, write the final URL"
        );
    }
}
