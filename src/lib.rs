//! Ringroute answers one question while a phone is ringing: who is calling, which team's phonebook are
//! they in, and so where does this call go?

pub mod contact;
pub mod demo;
pub mod generation;
pub mod phone_number;
pub mod phonebook;
pub mod settings;
pub mod source;
