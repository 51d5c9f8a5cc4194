//! What pages are put together from.

use maud::{Markup, html};

use super::visit::{Tone, Visit};

/// A state in a word.
pub(super) fn badge(tone: Tone, text: &str) -> Markup {
    html! { span.badge.(tone.class()) { (text) } }
}

/// Something said across the page.
pub(super) fn banner(tone: Tone, text: &str) -> Markup {
    let name = match tone {
        Tone::Plain => "Note",
        Tone::Good => "Done",
        Tone::Warning => "Attention",
        Tone::Bad => "Problem",
    };
    html! {
        div.banner.(tone.class()) {
            (icon(tone.class()))
            // Not by colour alone.
            p { span.spoken { (name) ": " } (text) }
        }
    }
}

/// What is shown where there is nothing yet: why, and what to do.
pub(super) fn empty(title: &str, text: &str, action: Markup) -> Markup {
    html! { div.empty { h2 { (title) } p { (text) } (action) } }
}

/// The head of a page: its title, what it is about, and what can be done.
pub(super) fn page_head(title: &str, about: Markup, actions: Markup) -> Markup {
    html! {
        div.page-head {
            div { h1 { (title) } div.about { (about) } }
            div.actions { (actions) }
        }
    }
}

/// Where a page is, above its title.
pub(super) fn trail(steps: &[(&str, &str)]) -> Markup {
    html! {
        nav.trail aria-label="Where this is" {
            ol { @for (path, name) in steps { li { a href=(path) { (name) } } } }
        }
    }
}

/// A number and what it is of.
pub(super) fn stat(name: &str, value: Markup, about: Markup) -> Markup {
    html! { div.stat { dt { (name) } dd { span.value { (value) } span.about { (about) } } } }
}

/// A button that does something at once.
pub(super) fn act(visit: &Visit, path: &str, class: &str, text: &str) -> Markup {
    html! {
        form.inline method="post" action=(path) {
            (visit.token_field())
            button.(class) type="submit" { (text) }
        }
    }
}

/// A question before something is done that is not easily taken back: opens without a script. `content` is the
/// inside of a form that is sent to `path`.
pub(super) fn confirm(visit: &Visit, path: &str, opens: &str, content: Markup, button: &str) -> Markup {
    html! {
        details.confirm {
            summary.button.danger { (opens) }
            form.card method="post" action=(path) {
                (visit.token_field())
                (content)
                div.actions { button.danger.solid type="submit" { (button) } }
            }
        }
    }
}

/// The way to further pages of a list: to its beginning, and to what comes after this page.
pub(super) fn pages(first: Option<&str>, next: Option<&str>) -> Markup {
    html! {
        @if first.is_some() || next.is_some() {
            nav.pages aria-label="Pages" {
                @if let Some(first) = first { a.button href=(first) { "To the beginning" } }
                @if let Some(next) = next { a.button href=(next) rel="next" { "Further" } }
            }
        }
    }
}

/// A list in columns, which can be moved sideways where it is too wide. `about` names it for those who hear it.
pub(super) fn table(about: &str, heads: Markup, rows: Markup) -> Markup {
    listed("table", about, &heads, &rows)
}

/// A list in columns of which each row is a few lines on a phone. A cell of class `whole` has a line of its own there;
/// what is of class `head` is shown there alone, for what its column's head says elsewhere.
pub(super) fn lines(about: &str, heads: Markup, rows: Markup) -> Markup {
    listed("table lines", about, &heads, &rows)
}

fn listed(class: &str, about: &str, heads: &Markup, rows: &Markup) -> Markup {
    html! {
        div class=(class) tabindex="0" role="region" aria-label=(about) {
            table { thead { tr { (heads) } } tbody { (rows) } }
        }
    }
}

/// A small picture beside a word; it says nothing that the word does not.
pub(super) fn icon(name: &str) -> Markup {
    let path = match name {
        "overview" => "M3 10.5 10 4l7 6.5M5 9v7h4v-4h2v4h4V9",
        "sources" => {
            "M4 5c0-1.1 2.7-2 6-2s6 .9 6 2-2.7 2-6 2-6-.9-6-2Zm0 0v10c0 1.1 2.7 2 6 2s6-.9 6-2V5M4 10c0 1.1 2.7 2 6 2s6-.9 6-2"
        }
        "runs" => {
            "M16.5 8A6.8 6.8 0 0 0 4.6 5.8L3 7.5M3 3.5v4h4M3.5 12a6.8 6.8 0 0 0 11.9 2.2l1.6-1.7M17 16.5v-4h-4"
        }
        "phonebooks" => {
            "M5 3h10v14H5zM3 6h3M3 10h3M3 14h3M10 8.5a1.5 1.5 0 1 0 0-.1M7.8 13.5c.3-1.6 1.1-2.3 2.4-2.3s2.1.7 2.4 2.3"
        }
        "routes" => "M4 16V9a3 3 0 0 1 3-3h9M13 3l3 3-3 3M4 16h0M10 16h6",
        "try" => {
            "M5 3.5 7.5 3l1.4 3.6-1.7 1.2a9 9 0 0 0 5 5l1.2-1.7L17 12.5l-.5 2.5c-.2.9-1 1.5-1.9 1.4C8.6 15.7 4.3 11.4 3.6 5.4c-.1-.9.5-1.7 1.4-1.9Z"
        }
        "decisions" => "M4 5h12M4 10h12M4 15h7",
        "settings" => {
            "M10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM10 2.5v2M10 15.5v2M2.5 10h2M15.5 10h2M4.7 4.7l1.4 1.4M13.9 13.9l1.4 1.4M15.3 4.7l-1.4 1.4M6.1 13.9l-1.4 1.4"
        }
        "user" => {
            "M10 10a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM3.8 16.8c.6-3 2.9-4.5 6.2-4.5s5.6 1.5 6.2 4.5"
        }
        "leave" => "M8 3.5H4.5v13H8M13 6.5l3.5 3.5-3.5 3.5M16 10H8",
        "menu" => "M3 5.5h14M3 10h14M3 14.5h14",
        "good" => "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM6.8 10.2l2.2 2.2 4.3-4.6",
        "warning" => "M10 3 2.5 16.5h15L10 3Zm0 5v4M10 14v.2",
        "bad" => "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM10 6v5M10 13.8v.2",
        _ => "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15ZM10 9v5M10 6.2v.2",
    };
    html! { svg.icon viewBox="0 0 20 20" aria-hidden="true" { path d=(path) {} } }
}
