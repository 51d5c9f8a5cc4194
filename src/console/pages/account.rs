//! One's own account: password, and where one is signed in.

use axum::extract::State;
use jiff::Timestamp;
use maud::{Markup, html};

use crate::account::role_description;
use crate::console::control::{Control, below_errors};
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Fields, Peer, Tone, Visit};
use crate::console::widgets::{act, page_head};
use crate::console::{Console, guard, show};
use crate::engine::{SignInError, is_same_name};

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Answer {
    let content = page(&console, &visit, &Form::default());
    visit.page(Nav::Account, "Your account", content)
}

fn page(console: &Console, visit: &Visit, form: &Form) -> Markup {
    let Some(user) = &visit.user else { return html! {} };
    let sessions = console.engine.users().into_iter().find(|other| is_same_name(&other.name, &user.name));
    let sessions = sessions.map_or(1, |user| user.sessions as u64);
    let about = html! {
        "You are " strong { (user.name) } ", " (user.role) ": " (role_description(user.role)) " Signed in "
        (show::moment(user.began_at, Timestamp::now())) "."
    };
    html! {
        (page_head("Your account", about, html! {}))
        section.card {
            h2 { "Change the password" }
            (below_errors(form, html! {
                form.narrow method="post" action="/account/password" {
                    (visit.token_field())
                    input type="hidden" name="username" value=(user.name) autocomplete="username";
                    (Control::password("present", "Present password", "current-password").show(form))
                    (Control::password("password", "New password", "new-password")
                        .hint("At least 12 characters; several words make a good one.").show(form))
                    (Control::password("again", "The same again", "new-password").show(form))
                    div.actions { button.solid type="submit" { "Change the password" } }
                }
            }))
        }
        section.card {
            h2 { "Where you are signed in" }
            p { "You are signed in at " (show::count(sessions, "place", "places")) ", this one included. A session ends \
                 after 12 hours without use, and after 7 days." }
            (act(visit, "/account/sign-out-everywhere", "danger", "Sign out everywhere"))
        }
    }
}

pub(in crate::console) async fn set_password(
    State(console): State<Console>,
    visit: Visit,
    Peer(address): Peer,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let name = visit.name().to_owned();
    if form.raw("password") != form.raw("again") {
        form.fail("again", "differs from the new password");
    }
    match console.engine.check_password(&name, form.raw("present"), address).await {
        Ok(()) => {}
        Err(SignInError::Wrong) => form.fail("present", "is not your password"),
        Err(error) => form.fail("present", error.to_string()),
    }
    if form.is_fine() {
        let (password, kept) = (form.raw("password").to_owned(), visit.user.as_ref().map(|user| user.key));
        let actor = visit.actor();
        match console.edit(move |engine| engine.by(actor).set_password(&name, &password, kept)).await {
            Ok(()) => {
                let text = "Your password was changed; everywhere else you are signed out.";
                return visit.done("/account", Tone::Good, text);
            }
            Err(error) => form.refuse(error)?,
        }
    }
    let content = page(&console, &visit, &form);
    visit.refused(Nav::Account, "Your account", content)
}

pub(in crate::console) async fn sign_out_everywhere(State(console): State<Console>, visit: Visit) -> Answer {
    let name = visit.name().to_owned();
    let actor = visit.actor();
    console.edit(move |engine| engine.by(actor).sign_out_everywhere(&name)).await?;
    Ok(guard::see("/sign-in"))
}
