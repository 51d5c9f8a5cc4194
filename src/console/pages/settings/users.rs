//! Users: who may open the console.

use std::sync::Arc;

use axum::extract::{Path, State};
use jiff::Timestamp;
use maud::{Markup, html};

use super::{Part, once, within};
use crate::access::{Permission, Role};
use crate::account::{PASSWORD_CHARACTERS, ROLES, role_description};
use crate::console::control::{Control, below_errors};
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Tone, Visit, segment};
use crate::console::widgets::{act, badge, banner, confirm, page_head, table, trail};
use crate::console::{Console, guard, show};
use crate::engine::{Engine, EngineError, User, generated_password, is_same_name};

const HERE: &str = "/settings/users";

fn path(name: &str) -> String {
    format!("{HERE}/{}", segment(name))
}

/// The roles as choices: value, name and what it means.
fn roles() -> [(&'static str, &'static str, &'static str); 3] {
    ROLES.map(|role| {
        let name = match role {
            Role::Admin => "Administrator",
            Role::Operator => "Operator",
            _ => "Viewer",
        };
        (role.name(), name, role_description(role))
    })
}

fn role_badge(role: Role) -> Markup {
    badge(if role == Role::Admin { Tone::Good } else { Tone::Plain }, role.name())
}

/// Two fields for a password, or none.
fn password_fields(form: &Form) -> Markup {
    let least = PASSWORD_CHARACTERS.start();
    let hint = format!("{least} characters or more. Empty: one is made up, and shown this once.");
    html! {
        (Control::password("password", "Password", "new-password").hint(&hint).show(form))
        (Control::password("again", "The same password again", "new-password").show(form))
    }
}

/// The password that was typed twice, or one that is made up; whether it is that.
fn password(form: &mut Form) -> (String, bool) {
    if form.raw("password") != form.raw("again") {
        form.fail("again", "differs from the password");
    }
    match form.raw("password") {
        "" => (generated_password(), true),
        typed => (typed.to_owned(), false),
    }
}

pub(in crate::console) async fn list(State(console): State<Console>, visit: Visit) -> Answer {
    let form = Form::of([("role", Role::Viewer.name())]);
    visit.page(Nav::Settings, "Users", list_page(&console, &visit, &form))
}

fn list_page(console: &Console, visit: &Visit, form: &Form) -> Markup {
    let now = Timestamp::now();
    let heads =
        html! { th { "Name" } th { "Role" } th { "Last signed in" } th.number { "Signed in" } th { "Made" } };
    let rows = html! { @for user in console.engine.users() { tr {
        th scope="row" {
            a href=(path(&user.name)) { (user.name) }
            @if is_same_name(&user.name, visit.name()) { " " span.faint { "(you)" } }
        }
        td { (role_badge(user.role)) }
        td.nowrap { @match user.last_signed_in_at {
            Some(at) => (show::moment(at, now)), None => span.faint { "never" },
        } }
        td.number.nowrap { @match user.sessions {
            0 => span.faint { "no" }, places => (show::count(places as u64, "place", "places")),
        } }
        td.nowrap { (show::moment(user.created_at, now)) }
    } } };
    let about = html! { "The people who may open this console. What programs need are " a href="/settings/tokens" { "tokens" } "." };
    within(
        visit,
        Part::Users,
        html! {
            (page_head("Users", about, html! {}))
            (table("Users", heads, rows))
            section.card.stack {
                h2 { "Add a user" }
                (below_errors(form, html! {
                    form.narrow method="post" action=(HERE) {
                        (visit.token_field())
                        (Control::text("name", "Name").required().hint("What they sign in with.").show(form))
                        (Control::text("role", "Role").choices(form, "radio", &roles()))
                        (password_fields(form))
                        div.actions { button.solid type="submit" { "Add" } }
                    }
                }))
            }
        },
    )
}

pub(in crate::console) async fn add(State(console): State<Console>, visit: Visit, fields: Fields) -> Answer {
    let mut form = Form::from(fields);
    let name = form.text("name").to_owned();
    let role = form.parse::<Role>("role");
    let (password, is_made_up) = password(&mut form);
    if let Some(role) = role.filter(|_| form.is_fine()) {
        let (actor, typed) = (visit.actor(), password.clone());
        match console.edit(move |engine| engine.by(actor).create_user(&name, role, &typed)).await {
            Ok(user) if is_made_up => return show_password(&visit, &user.name, "was added", &password),
            Ok(user) => {
                let text = format!("{:?} can sign in now.", user.name);
                return visit.done(HERE, Tone::Good, text);
            }
            Err(error) => form.refuse(error)?,
        }
    }
    visit.refused(Nav::Settings, "Users", list_page(&console, &visit, &form))
}

/// The only page that a password that was made up is on.
fn show_password(visit: &Visit, name: &str, done: &str, password: &str) -> Answer {
    let text = format!("The user {name:?} {done}.");
    let content = html! {
        (trail(&[(HERE, "Users")]))
        (page_head(name, html! {}, html! {}))
        (banner(Tone::Good, &text))
        (once::card("password", "Password", password, html! {
            "Tell it to them in a way that nobody else sees. They can change it on the page of their own name."
        }, HERE))
    };
    visit.page(Nav::Settings, name, within(visit, Part::Users, content))
}

pub(in crate::console) async fn show(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    let user = console.engine.user(&name)?;
    let form = Form::of([("role", user.role.name())]);
    visit.page(Nav::Settings, &user.name, user_page(&visit, &user, &form))
}

fn user_page(visit: &Visit, user: &User, form: &Form) -> Markup {
    let (now, here) = (Timestamp::now(), path(&user.name));
    let is_oneself = is_same_name(&user.name, visit.name());
    let about = html! {
        (role_badge(user.role)) " · made " (show::moment(user.created_at, now))
        @if let Some(at) = user.last_signed_in_at { " · last signed in " (show::moment(at, now)) }
    };
    let deletion = html! {
        p { "They are signed out everywhere at once. What they did stays in the audit." }
    };
    let content = html! {
        (trail(&[(HERE, "Users")]))
        (page_head(&user.name, about, html! {}))
        (below_errors(form, html! {
            section.card.stack {
                h2 { "Role" }
                form.stack method="post" action=(format!("{here}/role")) {
                    (visit.token_field())
                    input type="hidden" name="was" value=(user.role);
                    (Control::text("role", "What they may do").choices(form, "radio", &roles()))
                    div.actions { button.solid type="submit" { "Change the role" } }
                }
            }
            section.card.stack {
                h2 { "New password" }
                @if is_oneself {
                    p { "Your own is changed on " a href="/account" { "the page of your name" } ", with the present one." }
                } @else {
                    p { "It signs them out everywhere." }
                    form.narrow method="post" action=(format!("{here}/password")) {
                        (visit.token_field())
                        (password_fields(form))
                        div.actions { button.solid type="submit" { "Set the password" } }
                    }
                }
            }
            section.card.stack {
                h2 { "Sign out or delete" }
                p { @match user.sessions {
                    0 => "They are not signed in.",
                    places => { "They are signed in at " (show::count(places as u64, "place", "places")) "." },
                } }
                div.actions {
                    (act(visit, &format!("{here}/sign-out"), "danger", "Sign out everywhere"))
                    (confirm(visit, &format!("{here}/delete"), "Delete the user", deletion, "Delete"))
                }
            }
        }))
    };
    within(visit, Part::Users, content)
}

/// The page of a user with what is wrong.
fn refused(visit: &Visit, user: &User, form: &Form) -> Answer {
    visit.refused(Nav::Settings, &user.name, user_page(visit, user, form))
}

pub(in crate::console) async fn set_role(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    let user = console.engine.user(&name)?;
    let mut form = Form::from(fields);
    if let Some(role) = form.parse::<Role>("role") {
        let (actor, was) = (visit.actor(), form.text("was").to_owned());
        let set = move |engine: &Arc<Engine>| {
            if !was.is_empty() && engine.user(&name)?.role.name() != was {
                return Err(EngineError::ChangedMeanwhile { what: "user", name });
            }
            engine.by(actor).set_role(&name, role)
        };
        match console.edit(set).await {
            Ok(user) => {
                // Who is no administrator any more may not see the page of a user.
                let is_out = is_same_name(&user.name, visit.name()) && !user.role.may(Permission::Access);
                let text = format!("{:?} is {} now.", user.name, in_a_sentence(user.role));
                return visit.done(if is_out { "/" } else { HERE }, Tone::Good, text);
            }
            Err(EngineError::ChangedMeanwhile { .. }) => {
                let now = console.engine.user(&user.name)?;
                let text = "Somebody else has changed the role since you opened the page. What you chose is still \
                            here: it is set when you send it again.";
                form.general.push(text.to_owned());
                return refused(&visit, &now, &form);
            }
            Err(error) => form.refuse(error)?,
        }
    }
    refused(&visit, &user, &form)
}

fn in_a_sentence(role: Role) -> &'static str {
    match role {
        Role::Admin => "an administrator",
        Role::Operator => "an operator",
        _ => "a viewer",
    }
}

pub(in crate::console) async fn set_password(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
    fields: Fields,
) -> Answer {
    let user = console.engine.user(&name)?;
    let mut form = Form::from(fields);
    let (password, is_made_up) = password(&mut form);
    if is_same_name(&user.name, visit.name()) {
        let text = "Your own password is changed on the page of your name, with the present one.";
        form.general.push(text.to_owned());
    }
    if form.is_fine() {
        let (actor, typed) = (visit.actor(), password.clone());
        match console.edit(move |engine| engine.by(actor).set_password(&name, &typed, None)).await {
            Ok(()) if is_made_up => {
                let done = "has another password, and is signed out everywhere";
                return show_password(&visit, &user.name, done, &password);
            }
            Ok(()) => {
                let text = format!("{:?} has another password, and is signed out everywhere.", user.name);
                return visit.done(&path(&user.name), Tone::Good, text);
            }
            Err(error) => form.refuse(error)?,
        }
    }
    form.put("role", user.role.name());
    refused(&visit, &user, &form)
}

pub(in crate::console) async fn sign_out(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    let actor = visit.actor();
    let user = console.engine.user(&name)?;
    console.edit(move |engine| engine.by(actor).sign_out_everywhere(&name)).await?;
    if is_same_name(&user.name, visit.name()) {
        return Ok(guard::see("/sign-in"));
    }
    visit.done(&path(&user.name), Tone::Good, format!("{:?} is signed out everywhere.", user.name))
}

pub(in crate::console) async fn delete(
    State(console): State<Console>,
    visit: Visit,
    Path(name): Path<String>,
) -> Answer {
    let actor = visit.actor();
    let user = console.engine.user(&name)?;
    match console.edit(move |engine| engine.by(actor).delete_user(&name)).await {
        Ok(()) if is_same_name(&user.name, visit.name()) => Ok(guard::see("/sign-in")),
        Ok(()) => visit.done(HERE, Tone::Good, format!("The user {:?} is deleted.", user.name)),
        Err(error) => {
            let mut form = Form::of([("role", user.role.name())]);
            form.refuse(error)?;
            refused(&visit, &user, &form)
        }
    }
}
