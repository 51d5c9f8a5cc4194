//! The settings as one file, to take away and to bring back.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse as _;
use maud::html;

use super::{Part, import, within};
use crate::access::Permission;
use crate::console::Console;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Visit};
use crate::console::widgets::page_head;

pub(super) const HERE: &str = "/settings/export";

pub(in crate::console) async fn show(visit: Visit) -> Answer {
    let content = html! {
        (page_head("Export and backup", html! { "Everything that is set, or all that is stored, as one file." }, html! {}))
        section.card.stack {
            h2 { "Take the settings away" }
            p { "Sources, phonebooks, inbound routes and all that is on the pages of the settings, as a document that can be \
                read, kept in git and brought back, here or by " code { "ringroute apply" } ". Contacts, users and tokens \
                are not in it. Passwords that were typed in are not in it either: they stay on this server, and have to be \
                typed again on another one." }
            div.actions { a.button.solid href=(format!("{HERE}/settings.toml")) { "Download the settings" } }
        }
        @if visit.may(Permission::Access) {
            (super::backup::form(&visit))
        }
        @if visit.may(Permission::Change) {
            section.card.stack {
                h2 { "Bring settings back" }
                p { "First you are shown what would change. What the document does not have is removed." }
                (import::form(&visit, &Form::default(), None))
            }
        }
    };
    let content = within(&visit, Part::Export, content);
    visit.page(Nav::Settings, "Export and backup", content)
}

pub(in crate::console) async fn document(State(console): State<Console>) -> Answer {
    let text = console.read(|engine| Ok(engine.settings()?.to_toml()?)).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/toml; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"settings.toml\""),
    ];
    Ok((headers, text).into_response())
}
