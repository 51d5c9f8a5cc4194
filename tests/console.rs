//! The console over HTTP, without scripts: who gets where, what forms do, what becomes of hostile input.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "console/access.rs"]
mod access;
#[path = "console/browser.rs"]
mod browser;
#[path = "support/certificates.rs"]
mod certificates;
#[path = "console/contacts.rs"]
mod contacts;
#[path = "console/operation.rs"]
mod operation;
#[path = "console/people.rs"]
mod people;
#[path = "console/settings.rs"]
mod settings;
#[path = "support/smtp.rs"]
#[allow(dead_code, unreachable_pub, clippy::panic, reason = "complete as a mail server, if not as a test")]
mod smtp;
#[path = "console/sources.rs"]
mod sources;
mod support;
#[path = "support/webhook.rs"]
#[allow(dead_code, unreachable_pub, reason = "complete as a web server, if not as a test")]
mod web_server;
