//! Tokens: what programs show to be answered.

use axum::extract::{Path, State};
use jiff::Timestamp;
use jiff::civil::Date;
use maud::{Markup, html};

use super::{Part, once, within};
use crate::access::{NewToken, Role, TokenRecord};
use crate::account::role_description;
use crate::console::control::{Control, below_errors};
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit, segment};
use crate::console::widgets::{badge, banner, confirm, empty, page_head, table, trail};
use crate::console::{Console, show};
use crate::engine::EngineError;

const HERE: &str = "/settings/tokens";

/// The roles as choices: value, name and what it means.
fn roles() -> [(&'static str, &'static str, &'static str); 5] {
    Role::ALL.map(|role| {
        let name = match role {
            Role::Lookup => "Look-ups",
            Role::Directory => "Directory",
            Role::Viewer => "Viewer",
            Role::Operator => "Operator",
            Role::Admin => "Administrator",
        };
        (role.name(), name, role_description(role))
    })
}

pub(in crate::console) async fn list(State(console): State<Console>, visit: Visit) -> Answer {
    let form = Form::of([("role", Role::Lookup.name())]);
    let content = list_page(&console, &visit, &form).await?;
    visit.page(Nav::Settings, "Tokens", content)
}

async fn list_page(console: &Console, visit: &Visit, form: &Form) -> Result<Markup, EngineError> {
    let mut tokens = console.read(|engine| engine.tokens_listed()).await?;
    tokens.sort_by_cached_key(|token| token.name.to_lowercase());
    let about = html! { "What programs send with each request, as " code { "authorization: Bearer …" } ". The people who \
    open this console are " a href="/settings/users" { "users" } "." };
    let content = html! {
        (page_head("Tokens", about, html! {}))
        @if !console.surroundings.tokens_required {
            (banner(Tone::Warning, "This server asks nobody for a token: every program on this machine may do everything. \
                require_tokens = true in ringroute.toml changes that."))
        }
        @if tokens.is_empty() {
            (empty("No token yet", "Call handlers on other machines need one, and so does every program when tokens are \
                required.", html! {}))
        } @else { (rows(visit, &tokens)) }
        section.card.stack {
            h2 { "Make a token" }
            (below_errors(form, html! {
                form.narrow method="post" action=(HERE) {
                    (visit.token_field())
                    (Control::text("name", "Name").required().hint("By which you know it again, such as Kamailio Berlin.").show(form))
                    (Control::text("role", "What it is for").choices(form, "radio", &roles()))
                    (Control::date("expires_at", "Expires on")
                        .hint("It is refused from the beginning of that day on (UTC). Empty: it does not expire.").show(form))
                    div.actions { button.solid type="submit" { "Make it" } }
                }
            }))
        }
    };
    Ok(within(visit, Part::Tokens, content))
}

fn rows(visit: &Visit, tokens: &[TokenRecord]) -> Markup {
    let now = Timestamp::now();
    let heads = html! {
        th { "Name" } th { "Role" } th { "Last used" } th { "Expires" } th { "Made" } th { span.spoken { "Do" } }
    };
    let rows = html! { @for token in tokens { tr {
        th scope="row" { (token.name) }
        td { (badge(Tone::Plain, token.role.name())) }
        td.nowrap { @match token.last_used_at {
            Some(at) => (show::moment(at, now)), None => span.faint { "never" },
        } }
        td.nowrap { @match token.expires_at {
            Some(at) if at <= now => { (badge(Tone::Bad, "expired")) " " (show::moment(at, now)) },
            Some(at) => (show::moment(at, now)),
            None => span.faint { "never" },
        } }
        td.text { (show::moment(token.created_at, now)) div.faint { (token.created_by) } }
        td { (revocation(visit, token)) }
    } } };
    table("Tokens", heads, rows)
}

fn revocation(visit: &Visit, token: &TokenRecord) -> Markup {
    let question = html! { p { "Whoever uses " strong { (token.name) } " is refused at once, and what they have open ends." } };
    confirm(visit, &format!("{HERE}/{}/revoke", segment(&token.name)), "Revoke", question, "Revoke it")
}

pub(in crate::console) async fn create(
    State(console): State<Console>,
    visit: Visit,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let role = form.parse::<Role>("role");
    let expires_at = match form.text("expires_at") {
        "" => None,
        _ => expiry(&mut form),
    };
    if let Some(role) = role.filter(|_| form.is_fine()) {
        let actor = visit.actor();
        let (name, created_by) = (form.text("name").to_owned(), actor.to_string());
        let new = NewToken { name, role, expires_at, created_by };
        match console.edit(move |engine| engine.by(actor).create_token(&new)).await {
            Ok((record, secret)) => return made(&visit, &record, &secret),
            Err(error) => form.refuse(error)?,
        }
    }
    let content = list_page(&console, &visit, &form).await?;
    visit.refused(Nav::Settings, "Tokens", content)
}

/// The beginning of a day, as `ringroute token create --expires` takes it.
fn expiry(form: &mut Form) -> Option<Timestamp> {
    let day = form.text("expires_at").parse::<Date>().ok();
    let time = day.and_then(|day| format!("{day}T00:00:00Z").parse().ok());
    if time.is_none() {
        let problem = format!("{:?} is no day; one such as 2027-12-31 is expected", form.text("expires_at"));
        form.fail("expires_at", problem);
    }
    time
}

/// The only page that a token is on.
fn made(visit: &Visit, record: &TokenRecord, secret: &str) -> Answer {
    let content = html! {
        (trail(&[(HERE, "Tokens")]))
        (page_head(&record.name, html! { (role_description(record.role)) }, html! {}))
        (banner(Tone::Good, &format!("The token {:?} works from now on.", record.name)))
        (once::card("secret", "Token", secret, html! {
            "Programs send it as " code { "authorization: Bearer …" } "; commands take it as " code { "RINGROUTE_TOKEN" } "."
        }, HERE))
    };
    visit.page(Nav::Settings, &record.name, within(visit, Part::Tokens, content))
}

pub(in crate::console) async fn revoke(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    let (actor, revoked) = (visit.actor(), name.clone());
    console.edit(move |engine| engine.by(actor).revoke_token(&revoked)).await?;
    visit.done(HERE, Tone::Good, format!("The token {name:?} is revoked: whoever uses it is refused."))
}
