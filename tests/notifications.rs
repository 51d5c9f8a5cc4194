//! What runs came to is told by mail and by webhook, over real sockets, and nothing of that disturbs a run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]
#![allow(unreachable_pub, reason = "fixtures and servers of these tests only")]

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/clock.rs"]
mod clock;
#[path = "notifications/fixture.rs"]
mod fixture;
#[path = "notifications/mail.rs"]
mod mail;
#[path = "notifications/occasions.rs"]
mod occasions;
#[path = "support/smtp.rs"]
#[allow(dead_code, reason = "complete as a mail server, if not as a test")]
mod smtp;
#[path = "support/webhook.rs"]
mod web_server;
#[path = "notifications/webhook.rs"]
mod webhook;
