//! A secret that is shown once: on the page that answers the form it was made by, and nowhere else.

use maud::{Markup, html};

/// The secret, so that it can be marked and copied by keys, and the way on.
pub(super) fn card(id: &str, name: &str, secret: &str, about: Markup, on: &str) -> Markup {
    let about_id = format!("{id}-about");
    html! {
        section.card.stack {
            div.field.code {
                label for=(id) { (name) }
                input id=(id) type="text" readonly value=(secret) autocomplete="off" spellcheck="false" autofocus
                    aria-describedby=(about_id);
                p.hint id=(about_id) { strong { "Keep it now: it is not shown again." } " " (about) }
            }
            div.actions { a.button.solid href=(on) { "I have it" } }
        }
    }
}
