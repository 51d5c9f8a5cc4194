//! Ringroute answers one question while a phone is ringing: who is calling, which team's phonebook are
//! they in, and so where does this call go?

pub mod api;
pub mod config;
pub mod contact;
pub mod engine;
pub mod generation;
pub mod index;
pub mod matching;
pub mod phone_number;
pub mod phonebook;
pub mod routing;
pub mod settings;
pub mod snapshot;
pub mod source;
pub mod store;
pub mod sync;
pub mod toml_document;
