//! The pages, and the table of their routes.

mod account;
mod overview;
mod runs;
mod sign_in;
mod sources;

use super::assets;
use super::table::{Entry, Who};

pub(super) use sources::Draft;

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
        // Sources
        Entry::page("/sources", Who::VIEWER, sources::list),
        Entry::page("/sources/new", Who::ADMIN, sources::new),
        Entry::action("/sources/new", Who::ADMIN, sources::save_new),
        Entry::page("/sources/{name}", Who::VIEWER, sources::show),
        Entry::page("/sources/{name}/edit", Who::ADMIN, sources::edit),
        Entry::action("/sources/{name}/edit", Who::ADMIN, sources::save_edited),
        Entry::action("/sources/{name}/sync", Who::OPERATOR, sources::sync),
        Entry::action("/sources/{name}/preview", Who::OPERATOR, sources::preview),
        Entry::action("/sources/{name}/on", Who::ADMIN, sources::turn_on),
        Entry::action("/sources/{name}/off", Who::ADMIN, sources::turn_off),
        Entry::action("/sources/{name}/delete", Who::ADMIN, sources::delete),
        // Sync runs
        Entry::page("/sync-runs", Who::VIEWER, runs::list),
        Entry::page("/sync-runs/{id}", Who::VIEWER, runs::show),
        Entry::page("/sync-runs/{id}/progress", Who::VIEWER, runs::progress),
        Entry::page("/sync-runs/{id}/changes", Who::VIEWER, runs::changes),
        Entry::page("/sync-runs/{id}/problems", Who::VIEWER, runs::problems),
        Entry::page("/sync-runs/{id}/problems.csv", Who::VIEWER, runs::csv),
        Entry::action("/sync-runs/{id}/cancel", Who::OPERATOR, runs::cancel),
        Entry::action("/sync-runs/{id}/allow", Who::OPERATOR, runs::allow),
        Entry::page("/sync-runs/{id}/roll-back", Who::OPERATOR, runs::show_roll_back),
        Entry::action("/sync-runs/{id}/roll-back", Who::OPERATOR, runs::roll_back),
    ]
}
