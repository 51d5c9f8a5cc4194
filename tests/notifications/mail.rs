//! Feedback Email, to a mail server that is good, and to ones that are not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use mail_parser::MessageParser;
use ringroute::notifier::{BACK_OFF, FailureKind, MAX_AGE, Ways};
use ringroute::sync::{Channel, NotificationState, RunState};

use crate::certificates::Certificates;
use crate::fixture::{Fixture, PATIENCE, mail, nobodys_port};
use crate::smtp::{Behaviour, Encryption, SmtpServer};

const TO_ONE: &str = r#"{ email = "ops@example.com" }"#;

/// A mail server, its certificates, and a password file, in a folder of their own.
struct Post {
    folder: tempfile::TempDir,
    certificates: Certificates,
    server: SmtpServer,
    encryption: Encryption,
}

impl Post {
    async fn start(encryption: Encryption, behaviour: Behaviour) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::new(folder.path());
        std::fs::write(folder.path().join("password"), "pass wörd\n").unwrap();
        let server = SmtpServer::start(encryption, certificates.acceptor.clone(), behaviour).await;
        Post { folder, certificates, server, encryption }
    }

    /// As `ringroute.toml` names it.
    fn ways(&self) -> Ways {
        let encryption = match self.encryption {
            Encryption::None => "dangerously_none",
            Encryption::Starttls => "starttls",
            Encryption::Tls => "tls",
        };
        self.ways_with(encryption, &self.certificates.ca_file)
    }

    fn ways_with(&self, encryption: &str, ca_file: &Path) -> Ways {
        let password = self.folder.path().join("password");
        let table = format!(
            "host = '127.0.0.1'\nport = {}\nencryption = '{encryption}'\nuser = 'ringroute'\n\
             password = 'file:{}'\nca_file = '{}'\ntimeout_seconds = 5",
            self.server.address.port(),
            password.display(),
            ca_file.display()
        );
        Ways { mail: mail(&table), ..Ways::default() }
    }
}

/// Any mail server that a test is pointed at: `HOST:PORT;MAILDIR;CA_FILE`, with STARTTLS and without login.
fn foreign() -> Option<(Ways, PathBuf)> {
    let named = std::env::var("RINGROUTE_TEST_SMTP").ok()?;
    let parts: Vec<&str> = named.split(';').collect();
    let [address, folder, ca_file] = parts[..] else { panic!("RINGROUTE_TEST_SMTP={named}") };
    let (host, port) = address.rsplit_once(':').unwrap();
    let table = format!("host = '{host}'\nport = {port}\nca_file = '{ca_file}'");
    Some((Ways { mail: mail(&table), ..Ways::default() }, folder.into()))
}

/// The one mail in a Maildir whose text has this in it.
fn mail_with(folder: &Path, part: &str) -> Option<Vec<u8>> {
    let files = std::fs::read_dir(folder.join("new")).ok()?;
    files.filter_map(|file| std::fs::read(file.ok()?.path()).ok()).find(|mail| {
        let message = MessageParser::default().parse(mail.as_slice());
        message.and_then(|message| Some(message.body_text(0)?.contains(part))).unwrap_or_default()
    })
}

#[tokio::test]
async fn a_mail_says_everything_in_text_and_in_html() {
    let post = Post::start(Encryption::Starttls, Behaviour::Good).await;
    let (ways, foreign) = match foreign() {
        Some((ways, folder)) => (ways, Some(folder)),
        None => (post.ways(), None),
    };
    let fixture =
        Fixture::start(ways, "Köln <Vertrieb>", r#"{ email = "ops@example.com", when = ["always"] }"#);
    let unique = fixture.folder.path().file_name().unwrap().to_str().unwrap();
    let name = format!("Köln <Vertrieb> {}", unique.trim_start_matches('.'));
    fixture.apply(&name, r#"{ email = "ops@example.com", when = ["always"] }"#);
    fixture.make_source(&[
        (1, "Berg", "030 1234567"),
        (2, "", "030 1234568"),
        (3, "Tal", "none at all"),
        (4, "Stein", "030 1234569"),
    ]);
    let run = fixture.sync(&name).await;
    assert_eq!((run.state, run.counts.rejected), (RunState::Succeeded, 2), "{run:?}");
    let told = fixture.done(&run).await;
    assert_eq!((told[0].state, told[0].attempts), (NotificationState::Sent, 1), "{told:?}");
    assert_eq!((told[0].channel, told[0].target.as_str()), (Channel::Email, "ops@example.com"));

    let data = match foreign {
        Some(folder) => mail_with(&folder, &name).expect("the mail is in the Maildir"),
        None => {
            let received = post.server.received();
            let [mail] = received.as_slice() else { panic!("{received:?}") };
            assert_eq!(
                (mail.from.as_str(), mail.to.as_slice()),
                ("ringroute@example.com", &["ops@example.com".into()][..])
            );
            assert!(mail.encrypted);
            assert_eq!(mail.login, Some(("ringroute".into(), "pass wörd".into())));
            mail.data.clone()
        }
    };
    let message = MessageParser::default().parse(data.as_slice()).unwrap();
    assert_eq!(
        message.subject(),
        Some(format!("[Ringroute] {name} was synchronised (run {})", run.id).as_str())
    );
    let from = message.from().and_then(|from| from.first()).unwrap();
    assert_eq!((from.name(), from.address()), (Some("Ringroute"), Some("ringroute@example.com")));
    assert!(message.message_id().unwrap().ends_with("@example.com"));
    assert!(message.date().is_some());
    assert_eq!(message.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));

    let text = message.body_text(0).unwrap();
    for expected in [
        format!("Source: {name}"),
        format!("Run: {}", run.id),
        "Rows read: 4".into(),
        "Contacts synchronised: 2".into(),
        "Added: 2".into(),
        "Rows rejected: 2".into(),
        "Duration: ".into(),
        "1 × <b>tel: ".into(),
        format!("ringroute sync show {} --problems", run.id),
    ] {
        assert!(text.contains(&expected), "no {expected:?} in\n{text}");
    }
    let html = message.body_html(0).unwrap();
    assert!(html.contains("&lt;b&gt;tel: ") && html.contains("Köln &lt;Vertrieb&gt;"), "{html}");
    assert!(!html.contains("<b>") && !html.contains("<Vertrieb>"), "{html}");
    // Whoever is in the database is nobody's business.
    assert!(!text.contains("Berg") && !text.contains("Tal") && !text.contains("1234567"), "{text}");
}

#[tokio::test]
async fn tls_from_the_first_byte() {
    let post = Post::start(Encryption::Tls, Behaviour::Good).await;
    let fixture = Fixture::start(post.ways(), "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    assert_eq!(run.state, RunState::Failed);
    assert_eq!(fixture.done(&run).await[0].state, NotificationState::Sent);
    assert!(post.server.received()[0].encrypted);
}

#[tokio::test]
async fn without_encryption_only_when_it_is_said() {
    let post = Post::start(Encryption::None, Behaviour::Good).await;
    let fixture = Fixture::start(post.ways(), "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    assert_eq!(fixture.done(&run).await[0].state, NotificationState::Sent);

    let fixture = Fixture::start(post.ways_with("starttls", &post.certificates.ca_file), "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    let told = fixture.tried(&run, 1).await;
    assert_eq!(told[0].state, NotificationState::Pending, "{told:?}");
    assert!(told[0].last_error.contains("127.0.0.1"), "{told:?}");
    assert_eq!(post.server.received().len(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_learns_nothing() {
    let post = Post::start(Encryption::Starttls, Behaviour::Good).await;
    let other = tempfile::tempdir().unwrap();
    let ways = post.ways_with("starttls", &Certificates::new(other.path()).ca_file);
    let fixture = Fixture::start(ways, "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    let told = fixture.tried(&run, 1).await;
    assert_eq!(told[0].state, NotificationState::Pending, "{told:?}");
    assert!(post.server.received().is_empty());
    let in_clear = post.server.in_clear();
    assert!(
        in_clear.contains("STARTTLS") && !in_clear.contains("AUTH") && !in_clear.contains("MAIL"),
        "{in_clear}"
    );
}

#[tokio::test]
async fn each_address_gets_a_mail_of_its_own() {
    let post = Post::start(Encryption::Starttls, Behaviour::Good).await;
    let notify = r#"{ email = "a@example.com; b@example.com;c@example.com ;d@example.com; e@example.com" }"#;
    let fixture = Fixture::start(post.ways(), "crm", notify);
    let run = fixture.sync("crm").await;
    let told = fixture.done(&run).await;
    assert_eq!(told.len(), 5);
    let mut to: Vec<Vec<String>> = post.server.received().into_iter().map(|mail| mail.to).collect();
    to.sort();
    let expected: Vec<Vec<String>> =
        ["a", "b", "c", "d", "e"].iter().map(|name| vec![format!("{name}@example.com")]).collect();
    assert_eq!(to, expected);
    // And who else does is nobody's business.
    for mail in post.server.received() {
        let text = String::from_utf8_lossy(&mail.data).into_owned();
        assert_eq!(text.matches("@example.com").count(), 2 + text.matches("ringroute.").count(), "{text}");
    }
}

#[tokio::test]
async fn a_mail_that_is_put_off_comes_later_and_is_the_same() {
    for behaviour in [Behaviour::Greylists(2), Behaviour::DropsInData(2)] {
        let post = Post::start(Encryption::Starttls, behaviour).await;
        let fixture = Fixture::start(post.ways(), "crm", TO_ONE);
        let run = fixture.sync("crm").await;
        for attempt in [1, 2] {
            let told = fixture.tried(&run, attempt).await;
            assert_eq!(told[0].state, NotificationState::Pending, "{told:?}");
            assert!(!told[0].last_error.is_empty());
            fixture.clock.put_forward(BACK_OFF[attempt as usize - 1]);
        }
        let told = fixture.done(&run).await;
        assert_eq!(
            (told[0].state, told[0].attempts, told[0].last_error.as_str()),
            (NotificationState::Sent, 3, "")
        );
        assert_eq!(post.server.received().len(), 1, "{behaviour:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_put_right_in_the_configuration_is_used_by_the_next_attempt() {
    let post = Post::start(Encryption::Starttls, Behaviour::Good).await;
    let mut wrong = post.ways();
    // Nobody listens there.
    wrong.mail.as_mut().unwrap().port = Some(1);
    let fixture = Fixture::start(wrong, "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    assert_eq!(fixture.tried(&run, 1).await[0].state, NotificationState::Pending);
    fixture.take_over(post.ways());
    fixture.clock.put_forward(BACK_OFF[0]);
    assert_eq!(fixture.done(&run).await[0].state, NotificationState::Sent);
}

#[tokio::test]
async fn a_server_that_is_down_disturbs_no_run_and_is_given_up_in_the_end() {
    let post = Post::start(Encryption::Starttls, Behaviour::Good).await;
    let ways = post.ways();
    drop(post.server);
    let fixture = Fixture::start(ways, "crm", r#"{ email = "ops@example.com", when = ["always"] }"#);
    fixture.make_source(&[(1, "Berg", "030 1234567")]);
    // The run has ended, and the source can be run again, while its mail is pending.
    let run = fixture.sync("crm").await;
    assert_eq!(run.state, RunState::Succeeded);
    for (attempt, wait) in (1..).zip(BACK_OFF) {
        let told = fixture.tried(&run, attempt).await;
        assert_eq!(told[0].state, NotificationState::Pending, "{told:?}");
        fixture.clock.put_forward(wait);
    }
    let told = fixture.done(&run).await;
    assert_eq!((told[0].state, told[0].attempts), (NotificationState::NotSent, 5), "{told:?}");
    assert!(told[0].last_error.starts_with("mail server 127.0.0.1:"), "{told:?}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left() {
    let post = Post::start(Encryption::Starttls, Behaviour::Hangs).await;
    let mut ways = post.ways();
    ways.mail.as_mut().unwrap().timeout_seconds = 1;
    let fixture = Fixture::start(ways, "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    let told = fixture.tried(&run, 1).await;
    assert_eq!(told[0].state, NotificationState::Pending);
    assert!(told[0].last_error.starts_with("mail server 127.0.0.1:"), "{told:?}");
    post.server.behave(Behaviour::Good);
    fixture.clock.put_forward(BACK_OFF[0]);
    assert_eq!(fixture.done(&run).await[0].state, NotificationState::Sent);
}

#[tokio::test]
async fn what_can_never_work_is_not_tried_again() {
    let post = Post::start(Encryption::Starttls, Behaviour::KnowsNobody).await;
    let fixture = Fixture::start(post.ways(), "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    let told = fixture.done(&run).await;
    assert_eq!((told[0].state, told[0].attempts), (NotificationState::NotSent, 1), "{told:?}");
    assert!(told[0].last_error.contains("550"), "{told:?}");
}

#[tokio::test]
async fn a_login_that_was_refused_is_tried_again_with_the_password_of_then() {
    let post = Post::start(Encryption::Starttls, Behaviour::RefusesLogin).await;
    let fixture = Fixture::start(post.ways(), "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    let told = fixture.tried(&run, 1).await;
    assert_eq!(told[0].state, NotificationState::Pending, "{told:?}");
    assert!(told[0].last_error.contains("535") && !told[0].last_error.contains("pass wörd"), "{told:?}");
    std::fs::write(post.folder.path().join("password"), "another\n").unwrap();
    post.server.behave(Behaviour::Good);
    fixture.clock.put_forward(BACK_OFF[0]);
    let told = fixture.done(&run).await;
    assert_eq!((told[0].state, told[0].attempts), (NotificationState::Sent, 2), "{told:?}");
    assert_eq!(post.server.received()[0].login, Some(("ringroute".into(), "another".into())));
}

#[tokio::test]
async fn without_a_mail_server_the_run_says_so() {
    let fixture = Fixture::start(Ways::default(), "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    let told = fixture.done(&run).await;
    assert_eq!(told[0].state, NotificationState::NotSent);
    assert!(
        told[0].last_error.starts_with("no mail server is configured: name one under [mail]"),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_is_pending_when_a_process_ends_is_sent_by_the_next() {
    let post = Post::start(Encryption::Starttls, Behaviour::Hangs).await;
    let fixture = Fixture::start(post.ways(), "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    // In the middle of an attempt.
    let connected = async {
        while post.server.connections() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, connected).await.unwrap();
    let (folder, ways) = fixture.stop().await;
    post.server.behave(Behaviour::Good);
    let fixture = Fixture::again(folder, ways);
    fixture.clock.put_forward(BACK_OFF[0]);
    let told = fixture.done(&run).await;
    assert_eq!(told[0].state, NotificationState::Sent, "{told:?}");
    assert_eq!(post.server.received().len(), 1);
    // And by no further one.
    let fixture = fixture.restart().await;
    fixture.clock.put_forward(BACK_OFF[3]);
    let second = fixture.sync("crm").await;
    fixture.told(&second, |told| told.len() == 1 && told[0].state == NotificationState::Sent).await;
    assert_eq!(post.server.received().len(), 2);
}

#[tokio::test]
async fn old_news_is_told_to_nobody() {
    let post = Post::start(Encryption::Starttls, Behaviour::Greylists(1)).await;
    let fixture = Fixture::start(post.ways(), "crm", TO_ONE);
    let run = fixture.sync("crm").await;
    fixture.tried(&run, 1).await;
    fixture.clock.put_forward(MAX_AGE + Duration::from_secs(1));
    let told = fixture.done(&run).await;
    assert_eq!(
        (told[0].state, told[0].last_error.as_str()),
        (NotificationState::NotSent, "not sent within a day")
    );
    assert!(post.server.received().is_empty());
}

#[tokio::test]
async fn a_test_mail_tells_what_the_server_answered() {
    for encryption in [Encryption::Starttls, Encryption::Tls, Encryption::None] {
        let post = Post::start(encryption, Behaviour::Good).await;
        let trial = post.ways().test_mail("ops@example.com", Timestamp::now()).await;
        assert_eq!(trial.server, format!("127.0.0.1:{}", post.server.address.port()));
        assert_eq!(trial.result, Ok("250 taken".to_owned()), "{encryption:?}");
        let received = post.server.received();
        let [mail] = received.as_slice() else { panic!("{received:?}") };
        assert_eq!(
            (mail.from.as_str(), &mail.to[..]),
            ("ringroute@example.com", &["ops@example.com".into()][..])
        );
        assert_eq!(mail.encrypted, encryption != Encryption::None);
        let message = MessageParser::default().parse(mail.data.as_slice()).unwrap();
        assert_eq!(message.subject(), Some("[Ringroute] Test"));
        assert!(message.body_text(0).unwrap().contains("This is a test"));
        assert!(message.body_html(0).unwrap().contains("This is a test"));
    }
}

#[tokio::test]
async fn a_test_mail_that_is_not_taken_says_why_and_what_to_do() {
    for (behaviour, kind, what, remedy) in [
        (Behaviour::RefusesLogin, FailureKind::Login, "535", "mail.user"),
        (Behaviour::KnowsNobody, FailureKind::Refused, "no such mailbox", "check the address"),
        (Behaviour::Greylists(1), FailureKind::PutOff, "451", "again in some minutes"),
        (Behaviour::DropsInData(1), FailureKind::NoAnswer, "closed", "mail.port"),
    ] {
        let post = Post::start(Encryption::Starttls, behaviour).await;
        let trial = post.ways().test_mail("ops@example.com", Timestamp::now()).await;
        let failure = trial.result.unwrap_err();
        assert_eq!(failure.kind, kind, "{failure:?}");
        assert!(failure.what.contains(what), "{failure:?}");
        assert!(failure.remedy.contains(remedy), "{failure:?}");
        assert!(!format!("{failure:?}").contains("pass wörd"), "{failure:?}");
        assert!(post.server.received().is_empty());
    }
}

#[tokio::test]
async fn a_test_mail_tells_a_wrong_way_to_the_server_from_a_server_that_is_away() {
    let kind_of = async |ways: &Ways| {
        let trial = ways.test_mail("ops@example.com", Timestamp::now()).await;
        let failure = trial.result.unwrap_err();
        (failure.kind, failure.remedy)
    };
    let clear = Post::start(Encryption::None, Behaviour::Good).await;
    let ca_file = &clear.certificates.ca_file;
    for encryption in ["starttls", "tls"] {
        let (kind, remedy) = kind_of(&clear.ways_with(encryption, ca_file)).await;
        assert_eq!(kind, FailureKind::Encryption, "{encryption}");
        assert!(remedy.contains("mail.encryption"));
    }
    let post = Post::start(Encryption::Starttls, Behaviour::Good).await;
    let other = tempfile::tempdir().unwrap();
    let stranger = post.ways_with("starttls", &Certificates::new(other.path()).ca_file);
    assert_eq!(kind_of(&stranger).await.0, FailureKind::Encryption);

    let ways = post.ways();
    std::fs::remove_file(post.folder.path().join("password")).unwrap();
    assert_eq!(kind_of(&ways).await.0, FailureKind::Secret);
    std::fs::write(post.folder.path().join("password"), "pass wörd").unwrap();
    post.server.behave(Behaviour::Hangs);
    let mut hasty = ways.clone();
    hasty.mail.as_mut().unwrap().timeout_seconds = 1;
    assert_eq!(kind_of(&hasty).await.0, FailureKind::NoAnswer);
    let mut away = ways.clone();
    away.mail.as_mut().unwrap().port = Some(nobodys_port());
    assert_eq!(kind_of(&away).await.0, FailureKind::Unreachable);
    let (kind, remedy) = kind_of(&Ways::default()).await;
    assert_eq!(kind, FailureKind::NotConfigured);
    assert!(remedy.contains("[mail] in ringroute.toml"));
}
