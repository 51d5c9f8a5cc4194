//! The frame of every page.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::visit::{Flash, Visit};
use super::widgets::{banner, icon};
use crate::access::Permission;

/// The part of the console that a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nav {
    None,
    Overview,
    Sources,
    Runs,
    Phonebooks,
    Routes,
    Try,
    Decisions,
    Settings,
    Account,
}

/// An entry of the navigation. A new part of the console is added to [`Nav`] and here.
struct Part {
    nav: Nav,
    path: &'static str,
    name: &'static str,
    icon: &'static str,
    takes: Permission,
}

const PARTS: [Part; 8] = [
    Part { nav: Nav::Overview, path: "/", name: "Overview", icon: "overview", takes: Permission::Read },
    Part { nav: Nav::Sources, path: "/sources", name: "Sources", icon: "sources", takes: Permission::Read },
    Part { nav: Nav::Runs, path: "/sync-runs", name: "Sync runs", icon: "runs", takes: Permission::Read },
    Part {
        nav: Nav::Phonebooks,
        path: "/phonebooks",
        name: "Phonebooks",
        icon: "phonebooks",
        takes: Permission::Read,
    },
    Part {
        nav: Nav::Routes,
        path: "/routes",
        name: "Inbound routes",
        icon: "routes",
        takes: Permission::Read,
    },
    Part { nav: Nav::Try, path: "/try", name: "Try a call", icon: "try", takes: Permission::Read },
    Part {
        nav: Nav::Decisions,
        path: "/decisions",
        name: "Decisions",
        icon: "decisions",
        takes: Permission::Read,
    },
    Part {
        nav: Nav::Settings,
        path: "/settings",
        name: "Settings",
        icon: "settings",
        takes: Permission::Read,
    },
];

fn head(title: &str, more: &Markup) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) " · Ringroute" }
            link rel="icon" type="image/svg+xml" href=(assets::icon());
            link rel="stylesheet" href=(assets::style());
            script src=(assets::script()) defer {}
            (more)
        }
    }
}

/// A page of somebody who is signed in.
pub(super) fn framed(
    visit: &Visit,
    nav: Nav,
    title: &str,
    said: &[Flash],
    content: &Markup,
    more: &Markup,
) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(title, more))
            body.framed {
                a.skip href="#content" { "Skip to the content" }
                header.side {
                    a.brand href="/" { (logo()) span { "Ringroute" } }
                    // Opened and closed without a script where there is no room for it.
                    details.menu {
                        summary { (icon("menu")) span { "Menu" } }
                        (navigation(visit, nav))
                    }
                    div.wide { (navigation(visit, nav)) }
                }
                main id="content" tabindex="-1" {
                    @if !said.is_empty() {
                        div.banners role="status" { @for flash in said { (banner(flash.tone, &flash.text)) } }
                    }
                    (content)
                }
            }
        }
    };
    Html(page.into_string())
}

fn navigation(visit: &Visit, current: Nav) -> Markup {
    html! {
        nav aria-label="Main" {
            ul {
                @for part in PARTS.iter().filter(|part| visit.may(part.takes)) {
                    li { a href=(part.path) aria-current=[(part.nav == current).then_some("page")] {
                        (icon(part.icon)) span { (part.name) }
                    } }
                }
            }
            @if let Some(user) = &visit.user {
                div.who {
                    a href="/account" aria-current=[(current == Nav::Account).then_some("page")] {
                        (icon("user")) span { (user.name) small { (user.role) } }
                    }
                    form method="post" action="/sign-out" {
                        (visit.token_field())
                        button.quiet type="submit" { (icon("leave")) span { "Sign out" } }
                    }
                }
            }
        }
    }
}

/// A page in the middle of nothing, for those who are not signed in.
pub(super) fn bare(title: &str, content: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head(title, &html! {}))
            body.bare {
                main id="content" {
                    div.brand { (logo()) span { "Ringroute" } }
                    div.card { (content) }
                }
            }
        }
    };
    Html(page.into_string())
}

/// A page that goes to another one of ours at once.
pub(super) fn bounce(path: &str) -> Html<String> {
    let more = html! { meta http-equiv="refresh" content=(format!("0; url={path}")); };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            (head("One moment", &more))
            body.bare { main { p { a href=(path) { "Go on" } } } }
        }
    };
    Html(page.into_string())
}

fn logo() -> Markup {
    html! {
        svg.logo viewBox="0 0 32 32" aria-hidden="true" {
            rect.plate width="32" height="32" rx="8" {}
            circle.dot cx="16" cy="16" r="3.4" {}
            path.wave d="M8.6 22.4a10 10 0 0 1 0-12.8M23.4 9.6a10 10 0 0 1 0 12.8" {}
        }
    }
}
