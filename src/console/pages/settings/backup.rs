//! All that is stored, as one file that the browser keeps.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse as _;
use maud::{Markup, html};
use tokio_stream::wrappers::ReceiverStream;

use super::export::HERE;
use crate::background;
use crate::console::Console;
use crate::console::visit::{Answer, Tone, Visit};

pub(super) fn form(visit: &Visit) -> Markup {
    html! {
        section.card.stack {
            h2 { "Take a backup" }
            p { "All that is stored, as one file: contacts, settings, users, tokens, runs and the audit. Calls and runs go on \
                meanwhile. Passwords of sources that were typed in are not in it. " code { "ringroute restore" }
                " puts it in place while no server runs. Keep it where only those get at it who may see every contact." }
            form method="post" action=(format!("{HERE}/ringroute.backup")) {
                (visit.token_field())
                div.actions { button.solid type="submit" { "Download a backup" } }
            }
        }
    }
}

pub(in crate::console) async fn take(State(console): State<Console>, visit: Visit) -> Answer {
    let (engine, actor) = (Arc::clone(&console.engine), visit.actor());
    let taken = match background::blocking(move || engine.by(actor).take_backup()).await {
        Ok(taken) => taken,
        Err(error) => return visit.done(HERE, Tone::Bad, format!("No backup was taken: {error}.")),
    };
    let name = format!("ringroute-{}.backup", taken.content().taken_at.strftime("%Y-%m-%d-%H%M%S"));
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    // An error in the body tells the browser that the file is not whole.
    let parts = ReceiverStream::new(taken.send(console.stop.clone()));
    Ok((headers, Body::from_stream(parts)).into_response())
}
