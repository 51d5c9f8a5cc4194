//! The pages, and the table of their routes.

mod account;
mod contacts;
mod decisions;
mod overview;
mod phonebooks;
mod routes;
mod runs;
mod settings;
mod sign_in;
mod sources;
mod try_call;

use super::assets;
use super::table::{Entry, Who};
use crate::settings::{
    ClientPolicy, Extension, HistorySettings, LimitSettings, ListedDestination, NumberSettings,
    RoutingSettings, TimeCondition, Trunk, VisibilityGrant,
};

pub(super) use settings::import::ImportedDocument;
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
        Entry::action("/sign-out", Who::READ, sign_in::sign_out),
        Entry::page("/account", Who::READ, account::show),
        Entry::action("/account/password", Who::READ, account::set_password),
        Entry::action("/account/sign-out-everywhere", Who::READ, account::sign_out_everywhere),
        // The overview
        Entry::page("/", Who::READ, overview::show),
        // Sources
        Entry::page("/sources", Who::READ, sources::list),
        Entry::page("/sources/new", Who::CHANGE, sources::new),
        Entry::action("/sources/new", Who::CHANGE, sources::save_new),
        Entry::page("/sources/{name}", Who::READ, sources::show),
        Entry::page("/sources/{name}/edit", Who::CHANGE, sources::edit),
        Entry::action("/sources/{name}/edit", Who::CHANGE, sources::save_edited),
        Entry::action("/sources/{name}/sync", Who::SYNC, sources::sync),
        Entry::action("/sources/{name}/preview", Who::SYNC, sources::preview),
        Entry::action("/sources/{name}/on", Who::CHANGE, sources::turn_on),
        Entry::action("/sources/{name}/off", Who::CHANGE, sources::turn_off),
        Entry::action("/sources/{name}/delete", Who::CHANGE, sources::delete),
        // Sync runs
        Entry::page("/sync-runs", Who::READ, runs::list),
        Entry::page("/sync-runs/{id}", Who::READ, runs::show),
        Entry::page("/sync-runs/{id}/progress", Who::READ, runs::progress),
        Entry::page("/sync-runs/{id}/changes", Who::READ, runs::changes),
        Entry::page("/sync-runs/{id}/problems", Who::READ, runs::problems),
        Entry::page("/sync-runs/{id}/problems.csv", Who::READ, runs::csv),
        Entry::action("/sync-runs/{id}/cancel", Who::SYNC, runs::cancel),
        Entry::action("/sync-runs/{id}/allow", Who::SYNC, runs::allow),
        Entry::page("/sync-runs/{id}/roll-back", Who::SYNC, runs::show_roll_back),
        Entry::action("/sync-runs/{id}/roll-back", Who::SYNC, runs::roll_back),
        // Phonebooks and contacts
        Entry::page("/phonebooks", Who::READ, phonebooks::list),
        Entry::action("/phonebooks", Who::CHANGE, phonebooks::create),
        Entry::page("/phonebooks/{name}", Who::READ, phonebooks::show),
        Entry::action("/phonebooks/{name}/rename", Who::CHANGE, phonebooks::rename),
        Entry::action("/phonebooks/{name}/delete", Who::CHANGE, phonebooks::delete),
        Entry::page("/phonebooks/{name}/import", Who::CHANGE, contacts::show_import),
        Entry::upload("/phonebooks/{name}/import", Who::CHANGE, contacts::MAX_UPLOAD_BYTES, contacts::import),
        Entry::page("/contacts", Who::READ, contacts::list),
        Entry::page("/contacts/export.csv", Who::READ, contacts::csv),
        Entry::page("/contacts/export.vcf", Who::READ, contacts::vcard),
        Entry::page("/contacts/new", Who::CHANGE, contacts::new),
        Entry::action("/contacts/new", Who::CHANGE, contacts::add),
        Entry::page("/contacts/{id}", Who::READ, contacts::show),
        Entry::page("/contacts/{id}/edit", Who::CHANGE, contacts::edit),
        Entry::action("/contacts/{id}/edit", Who::CHANGE, contacts::save),
        Entry::action("/contacts/{id}/delete", Who::CHANGE, contacts::delete),
        // Inbound routes
        Entry::page("/routes", Who::READ, routes::list),
        Entry::page("/new-route", Who::CHANGE, routes::new),
        Entry::action("/new-route", Who::CHANGE, routes::add),
        Entry::page("/routes/{name}", Who::READ, routes::edit),
        Entry::action("/routes/{name}", Who::CHANGE, routes::save),
        Entry::action("/routes/{name}/move", Who::CHANGE, routes::relocate),
        Entry::action("/routes/{name}/delete", Who::CHANGE, routes::delete),
        // Calls
        Entry::page("/try", Who::READ, try_call::show),
        Entry::page("/decisions", Who::READ, decisions::list),
        // Settings
        Entry::page("/settings", Who::READ, settings::index),
        Entry::page("/settings/numbers", Who::READ, settings::show_single::<NumberSettings>),
        Entry::action("/settings/numbers", Who::CHANGE, settings::save_numbers),
        Entry::page("/settings/numbers/collisions", Who::READ, settings::collisions),
        Entry::page("/settings/trunks", Who::READ, settings::list::<Trunk>),
        Entry::page("/settings/new-trunk", Who::CHANGE, settings::new::<Trunk>),
        Entry::action("/settings/new-trunk", Who::CHANGE, settings::add::<Trunk>),
        Entry::page("/settings/trunks/{name}", Who::READ, settings::edit::<Trunk>),
        Entry::action("/settings/trunks/{name}", Who::CHANGE, settings::save::<Trunk>),
        Entry::action("/settings/trunks/{name}/delete", Who::CHANGE, settings::delete::<Trunk>),
        Entry::page("/settings/destinations", Who::READ, settings::list::<ListedDestination>),
        Entry::page("/settings/new-destination", Who::CHANGE, settings::new::<ListedDestination>),
        Entry::action("/settings/new-destination", Who::CHANGE, settings::add::<ListedDestination>),
        Entry::page("/settings/destinations/{name}", Who::READ, settings::edit::<ListedDestination>),
        Entry::action("/settings/destinations/{name}", Who::CHANGE, settings::save::<ListedDestination>),
        Entry::action(
            "/settings/destinations/{name}/delete",
            Who::CHANGE,
            settings::delete::<ListedDestination>,
        ),
        Entry::action(settings::LIST_USED, Who::CHANGE, settings::list_used),
        Entry::page("/settings/dial-strings", Who::READ, settings::show_single::<RoutingSettings>),
        Entry::action("/settings/dial-strings", Who::CHANGE, settings::save_single::<RoutingSettings>),
        Entry::page("/settings/hours", Who::READ, settings::list::<TimeCondition>),
        Entry::page("/settings/new-hours", Who::CHANGE, settings::new::<TimeCondition>),
        Entry::action("/settings/new-hours", Who::CHANGE, settings::add::<TimeCondition>),
        Entry::page("/settings/hours/{name}", Who::READ, settings::edit::<TimeCondition>),
        Entry::action("/settings/hours/{name}", Who::CHANGE, settings::save::<TimeCondition>),
        Entry::action("/settings/hours/{name}/delete", Who::CHANGE, settings::delete::<TimeCondition>),
        Entry::page("/settings/extensions", Who::READ, settings::list::<Extension>),
        Entry::page("/settings/new-extension", Who::CHANGE, settings::new::<Extension>),
        Entry::action("/settings/new-extension", Who::CHANGE, settings::add::<Extension>),
        Entry::page("/settings/extensions/{name}", Who::READ, settings::edit::<Extension>),
        Entry::action("/settings/extensions/{name}", Who::CHANGE, settings::save::<Extension>),
        Entry::action("/settings/extensions/{name}/delete", Who::CHANGE, settings::delete::<Extension>),
        Entry::page("/settings/grants", Who::READ, settings::list::<VisibilityGrant>),
        Entry::page("/settings/new-grant", Who::CHANGE, settings::new::<VisibilityGrant>),
        Entry::action("/settings/new-grant", Who::CHANGE, settings::add::<VisibilityGrant>),
        Entry::page("/settings/grants/{name}", Who::READ, settings::edit::<VisibilityGrant>),
        Entry::action("/settings/grants/{name}", Who::CHANGE, settings::save::<VisibilityGrant>),
        Entry::action("/settings/grants/{name}/delete", Who::CHANGE, settings::delete::<VisibilityGrant>),
        Entry::page("/settings/clients", Who::READ, settings::show_single::<ClientPolicy>),
        Entry::action("/settings/clients", Who::CHANGE, settings::save_single::<ClientPolicy>),
        Entry::page("/settings/limits", Who::READ, settings::show_single::<LimitSettings>),
        Entry::action("/settings/limits", Who::CHANGE, settings::save_single::<LimitSettings>),
        Entry::page("/settings/history", Who::READ, settings::show_single::<HistorySettings>),
        Entry::action("/settings/history", Who::CHANGE, settings::save_single::<HistorySettings>),
        Entry::page("/settings/users", Who::ACCESS, settings::users::list),
        Entry::action("/settings/users", Who::ACCESS, settings::users::add),
        Entry::page("/settings/users/{name}", Who::ACCESS, settings::users::show),
        Entry::action("/settings/users/{name}/role", Who::ACCESS, settings::users::set_role),
        Entry::action("/settings/users/{name}/password", Who::ACCESS, settings::users::set_password),
        Entry::action("/settings/users/{name}/sign-out", Who::ACCESS, settings::users::sign_out),
        Entry::action("/settings/users/{name}/delete", Who::ACCESS, settings::users::delete),
        Entry::page("/settings/tokens", Who::ACCESS, settings::tokens::list),
        Entry::action("/settings/tokens", Who::ACCESS, settings::tokens::create),
        Entry::action("/settings/tokens/{name}/revoke", Who::ACCESS, settings::tokens::revoke),
        Entry::page("/settings/mail", Who::READ, settings::mail::show),
        Entry::action("/settings/mail/test", Who::CHANGE, settings::mail::test_mail),
        Entry::action("/settings/mail/webhook-test", Who::SYNC, settings::mail::test_webhook),
        Entry::page("/settings/audit", Who::ACCESS, settings::audit::list),
        Entry::page("/settings/audit/audit.csv", Who::ACCESS, settings::audit::csv),
        Entry::page("/settings/export", Who::READ, settings::export::show),
        Entry::page("/settings/export/settings.toml", Who::READ, settings::export::document),
        Entry::action("/settings/export/ringroute.backup", Who::ACCESS, settings::backup::take),
        Entry::page("/settings/import", Who::CHANGE, settings::import::show),
        Entry::upload(
            "/settings/import",
            Who::CHANGE,
            settings::import::MAX_UPLOAD_BYTES,
            settings::import::look,
        ),
        Entry::action("/settings/import/apply", Who::CHANGE, settings::import::apply),
    ]
}
