//! Is all well?

use axum::extract::State;
use maud::html;

use crate::console::layout::Nav;
use crate::console::visit::{Answer, Visit};
use crate::console::widgets::{page_head, stat};
use crate::console::{Console, show};

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Answer {
    let snapshot = console.engine.snapshot().clone();
    let content = html! {
        (page_head("Overview", html! {}, html! {}))
        dl.stats {
            @if let Some(snapshot) = &snapshot {
                (stat("Contacts", html! { (show::number(snapshot.contacts().contact_count() as u64)) }, html! {}))
            }
        }
    };
    visit.page(Nav::Overview, "Overview", content)
}
