//! The console over HTTP, without scripts: who gets where, what forms do, what becomes of hostile input.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "console/access.rs"]
mod access;
#[path = "console/browser.rs"]
mod browser;
#[path = "console/contacts.rs"]
mod contacts;
#[path = "console/settings.rs"]
mod settings;
#[path = "console/sources.rs"]
mod sources;
mod support;
