//! The pages, and the table of their routes.

mod account;
mod overview;
mod sign_in;

use super::assets;
use super::table::{Entry, Who};

/// Every route. Who may go there stands here and nowhere else.
pub(super) fn all() -> Vec<Entry> {
    vec![
        Entry::page("/assets/{name}", Who::Anyone, assets::show),
        // Signing in and out
        Entry::page("/sign-in", Who::Anyone, sign_in::show),
        Entry::action("/sign-in", Who::Anyone, sign_in::sign_in),
        Entry::page("/first-sign-in", Who::Anyone, sign_in::show_first),
        Entry::action("/first-sign-in", Who::Anyone, sign_in::create_first),
        Entry::action("/sign-out", Who::VIEWER, sign_in::sign_out),
        Entry::page("/account", Who::VIEWER, account::show),
        Entry::action("/account/password", Who::VIEWER, account::set_password),
        Entry::action("/account/sign-out-everywhere", Who::VIEWER, account::sign_out_everywhere),
        // The overview
        Entry::page("/", Who::VIEWER, overview::show),
    ]
}
