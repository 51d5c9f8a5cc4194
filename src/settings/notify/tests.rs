//! How notifications are written, and what is refused, with the place.

use super::*;
use crate::settings::Settings;

fn notify(written: &str) -> Result<Notify, String> {
    let document = format!(
        r#"
[[source]]
name = "crm"
connection = {{ sqlite = {{ path = "crm.db" }} }}
sync_filter = "select ${{MAP}} from main.contacts"
field_map = {{ last_name = "name" }}
phonebook = {{ new = {{ name = "All" }} }}
notify = {written}"#
    );
    let mut settings = Settings::from_toml(&document).map_err(|error| error.to_string())?;
    settings.validate().map_err(|error| error.to_string())?;
    let again = settings.to_toml().unwrap();
    assert_eq!(Settings::from_toml(&again).as_ref(), Ok(&settings), "{again}");
    Ok(settings.sources.remove(0).notify)
}

#[test]
fn nobody_is_told_unless_somebody_is_named() {
    let nobody = notify("{}").unwrap();
    assert!(nobody.email.is_empty() && nobody.webhook.is_none());
    assert_eq!(nobody, Notify::default());
    assert_eq!(nobody.when, [Occasion::Failure, Occasion::Refusal, Occasion::Recovery]);
}

#[test]
fn addresses_are_separated_by_semicolons_as_in_the_reference_system() {
    let read =
        notify(r#"{ email = " ops@example.com;it.desk+crm@mail.example.org ; \"a b\"@example.com;" }"#)
            .unwrap();
    assert_eq!(read.email.to_string(), "ops@example.com; it.desk+crm@mail.example.org; \"a b\"@example.com");
    assert_eq!(read.email.iter().count(), 3);
}

#[test]
fn each_address_is_checked() {
    for (written, expected) in [
        ("a@b.de;c@d.de;e@f.de;g@h.de;i@j.de;k@l.de", "there are 6 addresses; at most 5 are allowed"),
        (
            "ops@example.com; nobody",
            "address 2, \"nobody\", is no email address; name@example.com is expected",
        ),
        ("ops@example.com, it@example.com", "address 1, "),
        ("ops@", "address 1, \"ops@\", is no"),
        ("@example.com", "address 1, "),
        ("Ops <ops@example.com>", "address 1, "),
        ("ops@example.com; OPS@example.com", "address 2, \"OPS@example.com\", is there twice"),
        ("ops@müller.example", "address 1, \"ops@müller.example\", has letters that few mail servers take"),
        ("ops@example.com\r\nBcc: all@example.com", "address 1, "),
        ("ops\u{0}@example.com", "address 1, "),
    ] {
        let error = written.parse::<EmailAddresses>().unwrap_err();
        assert!(error.starts_with(expected), "{written:?}: {error}");
    }
    let long = format!("{}@{}.com", "x".repeat(60), "y".repeat(300));
    assert!(long.parse::<EmailAddresses>().unwrap_err().contains("has more than 254 characters"));
    let error = notify(r#"{ email = "nobody" }"#).unwrap_err();
    assert!(error.starts_with("line 8, column 20: address 1, \"nobody\", is no email address"), "{error}");
}

#[test]
fn a_webhook_is_https_or_on_this_machine() {
    for fine in [
        "https://example.com",
        "https://example.com:8443/hooks?key=x",
        "https://[2001:db8::1]/",
        "http://localhost:8080/",
        "http://127.0.0.1/",
        "http://[::1]:8080/hook",
    ] {
        assert_eq!(fine.parse::<WebhookUrl>().unwrap().to_string(), fine);
    }
    for (wrong, expected) in [
        ("http://example.com/", "http can be read and changed on the way; write https://"),
        ("http://127.0.0.1.example.com/", "http can be read"),
        ("http://localhost.example.com/", "http can be read"),
        ("https://user:secret@example.com/", "the URL has a user in it"),
        ("ftp://example.com/", "\"ftp\" is no scheme of a webhook"),
        ("example.com/hook", "the URL "),
        ("/hook", "the URL is not whole"),
        ("", "the URL "),
        ("https://exa mple.com/", "the URL cannot be read"),
        ("https://example.com/\r\nX-Header: 1", "the URL cannot be read"),
    ] {
        let error = wrong.parse::<WebhookUrl>().unwrap_err();
        assert!(error.starts_with(expected), "{wrong:?}: {error}");
        assert!(!error.contains("secret@"), "{error}");
    }
    let shown =
        "https://example.com:8443/services/T0/B0/secret?token=secret".parse::<WebhookUrl>().unwrap().shown();
    assert_eq!(shown, "https://example.com:8443");
}

#[test]
fn what_is_wrong_is_told_at_its_field() {
    let webhook =
        |secret: &str| format!(r#"{{ webhook = {{ url = "https://example.com", secret = "{secret}" }} }}"#);
    assert!(notify(&webhook("env:HOOK")).unwrap().webhook.is_some());
    assert!(notify(&webhook("file:/etc/hook")).is_ok());
    for (written, expected) in [
        (
            webhook("s3cret"),
            "webhook.secret: is written in the settings; name where it is: env:NAME or file:PATH",
        ),
        (webhook("stored:"), "webhook.secret: is written in the settings"),
        (webhook("env:"), "webhook.secret: name an environment variable behind env:"),
        (webhook(""), "webhook.secret: is empty"),
        ("{ when = [] }".to_owned(), "when: there is nothing"),
    ] {
        let error = notify(&written).unwrap_err();
        assert!(error.starts_with(&format!("source[0] \"crm\".notify.{expected}")), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    let error = notify(r#"{ when = ["failures"] }"#).unwrap_err();
    assert!(error.contains("unknown name `failures`: did you mean `failure`?"), "{error}");
}
