//! Webhooks, to a web server that checks the signature with another implementation.

use ringroute::notifier::{BACK_OFF, FailureKind, Ways};
use ringroute::secret::Secret;
use ringroute::settings::Webhook;
use ringroute::sync::{Channel, NotificationState, RunState};

use crate::certificates::Certificates;
use crate::fixture::{Fixture, nobodys_port};
use crate::web_server::WebServer;

/// A folder with a secret in it.
fn secret() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "shared sécret\n").unwrap();
    (folder, format!("file:{}", path.display()))
}

fn notify(url: &str, secret: &str) -> String {
    format!(r#"{{ webhook = {{ url = "{url}", secret = "{secret}" }}, when = ["always"] }}"#)
}

#[tokio::test]
async fn a_webhook_is_told_everything_over_tls_and_can_check_who_tells_it() {
    let (folder, secret) = secret();
    let certificates = Certificates::new(folder.path());
    let server = WebServer::start(Some(certificates.acceptor.clone()), &[]).await;
    let mut ways = Ways::default();
    ways.webhook.ca_file = Some(certificates.ca_file.clone());
    let url = format!("https://127.0.0.1:{}/hooks/ringroute?of=<crm>", server.address.port())
        .replace(['<', '>'], "");
    let fixture = Fixture::start(ways, "Köln", &notify(&url, &secret));
    fixture.make_source(&[(1, "Berg", "030 1234567"), (2, "", "030 1234568")]);
    let before = jiff::Timestamp::now().as_second();
    let run = fixture.sync("Köln").await;
    let told = fixture.done(&run).await;
    assert_eq!(
        (told[0].state, told[0].attempts, told[0].channel),
        (NotificationState::Sent, 1, Channel::Webhook),
        "{told:?}"
    );
    // What may be a secret in the URL is not in the record.
    assert_eq!(told[0].target, format!("https://127.0.0.1:{}", server.address.port()));

    let requests = server.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(request.line, "POST /hooks/ringroute?of=crm HTTP/1.1");
    assert_eq!(request.headers["host"], format!("127.0.0.1:{}", server.address.port()));
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.is_signed_with("shared sécret"));
    assert!(!request.is_signed_with("another secret"));
    let signed_at: i64 = request.headers["ringroute-timestamp"].parse().unwrap();
    assert!((before..=jiff::Timestamp::now().as_second()).contains(&signed_at));
    // A message that was changed on the way, or is told again with another time.
    let mut changed = request.clone();
    changed.body.push(b' ');
    assert!(!changed.is_signed_with("shared sécret"));
    let mut later = request.clone();
    later.headers.insert("ringroute-timestamp".into(), (signed_at + 1).to_string());
    assert!(!later.is_signed_with("shared sécret"));

    let body = request.json();
    assert_eq!((body["event"].as_str(), body["source"].as_str()), (Some("sync_run_ended"), Some("Köln")));
    assert_eq!((body["run"].as_u64(), body["state"].as_str()), (Some(run.id.0), Some("succeeded")));
    assert_eq!(body["kind"].as_str(), Some("sync"));
    assert_eq!(
        (body["counts"]["rows_read"].as_u64(), body["counts"]["rejected"].as_u64()),
        (Some(2), Some(1))
    );
    assert_eq!((body["synchronised"].as_u64(), body["reasons"][0]["count"].as_u64()), (Some(1), Some(1)));
    let text = String::from_utf8_lossy(&request.body).into_owned();
    assert!(!text.contains("Berg") && !text.contains("1234567") && !text.contains("sécret"), "{text}");
}

#[tokio::test]
async fn a_web_server_that_cannot_prove_who_it_is_is_told_nothing() {
    let (folder, secret) = secret();
    let server = WebServer::start(Some(Certificates::new(folder.path()).acceptor), &[]).await;
    let other = tempfile::tempdir().unwrap();
    let mut ways = Ways::default();
    ways.webhook.ca_file = Some(Certificates::new(other.path()).ca_file);
    let url = format!("https://127.0.0.1:{}", server.address.port());
    let fixture = Fixture::start(ways, "crm", &notify(&url, &secret));
    let run = fixture.sync("crm").await;
    let told = fixture.tried(&run, 1).await;
    assert_eq!(told[0].state, NotificationState::Pending);
    assert!(told[0].last_error.contains("TLS"), "{told:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn what_may_work_later_is_tried_again() {
    let (_folder, secret) = secret();
    let answers =
        ["HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 429 Too Many\r\n\r\n"];
    let server = WebServer::start(None, &answers).await;
    let fixture =
        Fixture::start(Ways::default(), "crm", &notify(&format!("http://{}/", server.address), &secret));
    let run = fixture.sync("crm").await;
    for (attempt, status) in [(1, "503"), (2, "429")] {
        let told = fixture.tried(&run, attempt).await;
        assert_eq!(told[0].state, NotificationState::Pending);
        assert!(told[0].last_error.contains(status), "{told:?}");
        fixture.clock.put_forward(BACK_OFF[attempt as usize - 1]);
    }
    let told = fixture.done(&run).await;
    assert_eq!((told[0].state, told[0].attempts), (NotificationState::Sent, 3));
    let requests = server.requests();
    let numbers: Vec<u64> =
        requests.iter().map(|request| request.json()["notification"].as_u64().unwrap()).collect();
    assert!(numbers.len() == 3 && numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
    assert!(requests.iter().all(|request| request.is_signed_with("shared sécret")));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (_folder, secret) = secret();
    let elsewhere = WebServer::start(None, &[]).await;
    let answer = format!(
        "HTTP/1.1 307 Elsewhere\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.address
    );
    let server = WebServer::start(None, &[answer.as_str()]).await;
    let fixture =
        Fixture::start(Ways::default(), "crm", &notify(&format!("http://{}/", server.address), &secret));
    let run = fixture.sync("crm").await;
    let told = fixture.done(&run).await;
    assert_eq!((told[0].state, told[0].attempts), (NotificationState::NotSent, 1));
    assert!(told[0].last_error.contains("redirects are not followed"), "{told:?}");
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_web_server_that_says_nothing_disturbs_no_run_and_no_mail() {
    let (_folder, secret) = secret();
    let server = WebServer::start(None, &[""]).await;
    let mut ways = Ways::default();
    ways.webhook.timeout_seconds = 1;
    let notify = notify(&format!("http://{}/", server.address), &secret)
        .replace("webhook", r#"email = "ops@example.com", webhook"#);
    let fixture = Fixture::start(ways, "crm", &notify);
    fixture.make_source(&[(1, "Berg", "030 1234567")]);
    let run = fixture.sync("crm").await;
    assert_eq!(run.state, RunState::Succeeded);
    let told = fixture.tried(&run, 1).await;
    assert_eq!(told[0].state, NotificationState::NotSent, "no mail server: {told:?}");
    assert_eq!(told[1].state, NotificationState::Pending);
    assert!(told[1].last_error.ends_with("no answer after 1 s"), "{told:?}");
}

#[tokio::test]
async fn a_secret_that_is_not_there_is_said_and_nothing_is_sent() {
    let server = WebServer::start(None, &[]).await;
    let url = format!("http://{}/", server.address);
    let fixture = Fixture::start(Ways::default(), "crm", &notify(&url, "env:RINGROUTE_TEST_NO_SUCH_SECRET"));
    let run = fixture.sync("crm").await;
    let told = fixture.tried(&run, 1).await;
    assert_eq!(told[0].state, NotificationState::Pending);
    assert!(told[0].last_error.contains("RINGROUTE_TEST_NO_SUCH_SECRET is not set"), "{told:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_test_message_is_signed_and_tells_what_the_web_server_answered() {
    let (folder, secret) = secret();
    let certificates = Certificates::new(folder.path());
    let answers = ["200 OK", "401 Unauthorized", "503 Service Unavailable"]
        .map(|status| format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n"));
    let [taken, wrong, later] = answers.each_ref().map(String::as_str);
    let server = WebServer::start(Some(certificates.acceptor.clone()), &[taken, wrong, later, ""]).await;
    let webhook = Webhook {
        url: format!("https://127.0.0.1:{}/hooks?key=hidden", server.address.port()).parse().unwrap(),
        secret: Secret::new(secret),
    };
    let mut ways = Ways::default();
    ways.webhook.timeout_seconds = 1;
    let test = async |ways: &Ways| ways.test_webhook("crm", &webhook, jiff::Timestamp::now()).await;
    // Before its authority is named, it is not believed.
    assert_eq!(test(&ways).await.result.unwrap_err().kind, FailureKind::Encryption);
    ways.webhook.ca_file = Some(certificates.ca_file.clone());
    let trial = test(&ways).await;
    assert_eq!(trial.server, format!("https://127.0.0.1:{}", server.address.port()));
    assert_eq!(trial.result, Ok("200 OK".to_owned()));
    let request = server.requests()[0].clone();
    assert!(request.is_signed_with("shared sécret"));
    assert_eq!((&request.json()["event"], &request.json()["source"]), (&"test".into(), &"crm".into()));

    for kind in [FailureKind::Refused, FailureKind::PutOff, FailureKind::NoAnswer] {
        let failure = test(&ways).await.result.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(!failure.remedy.is_empty() && !failure.what.contains("hidden"), "{failure:?}");
    }
    let nobody = Webhook {
        url: format!("https://127.0.0.1:{}/hooks", nobodys_port()).parse().unwrap(),
        ..webhook.clone()
    };
    let trial = ways.test_webhook("crm", &nobody, jiff::Timestamp::now()).await;
    assert_eq!(trial.result.unwrap_err().kind, FailureKind::Unreachable);
    std::fs::remove_file(folder.path().join("secret")).unwrap();
    assert_eq!(test(&ways).await.result.unwrap_err().kind, FailureKind::Secret);
}
