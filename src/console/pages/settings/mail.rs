//! Mail and webhooks: how people and programs are told, and whether it works.

use axum::extract::State;
use jiff::Timestamp;
use maud::{Markup, html};

use super::{Part, within};
use crate::access::Permission;
use crate::console::control::Control;
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::pages::sources;
use crate::console::visit::{Answer, Fields, Tone, Visit};
use crate::console::widgets::{banner, empty, page_head, table};
use crate::console::{Console, show};
use crate::engine::EngineError;
use crate::notifier::{ShownMailServer, Trial, TrialFailure};
use crate::settings::{EmailAddresses, SourceSettings, Webhook};

const HERE: &str = "/settings/mail";

/// What came of a test, and where on the page it is told.
#[derive(Default)]
struct Told {
    mail: Markup,
    webhook: Markup,
}

pub(in crate::console) async fn show(State(console): State<Console>, visit: Visit) -> Answer {
    let content = page(&console, &visit, &Form::default(), &Told::default()).await?;
    visit.page(Nav::Settings, "Mail and webhooks", content)
}

async fn page(console: &Console, visit: &Visit, form: &Form, told: &Told) -> Result<Markup, EngineError> {
    let sources = console.read(|engine| engine.settings()).await?.sources;
    let ways = console.surroundings.ways.borrow().clone();
    let about = html! { "How people and programs are told what sync runs came to. Whom a source tells is set "
    a href="/sources" { "at the source" } "." };
    let content = html! {
        (page_head("Mail and webhooks", about, html! {}))
        section.card.stack {
            h2 { "Mail server" }
            @match ways.shown_mail_server() {
                Some(server) => {
                    (facts(&server))
                    p.faint { "It is set under " code { "[mail]" } " in the server's file, ringroute.toml, which "
                        code { "systemctl reload ringroute" } " has read again." }
                },
                None => (empty("No mail server", "No mail is sent, also not to the addresses that sources name. Set one under \
                    [mail] in the server's file, ringroute.toml (host, from, user and password), and have it read \
                    again: systemctl reload ringroute.", html! {})),
            }
            (told.mail)
            @if visit.may(Permission::Change) {
                form.narrow method="post" action=(format!("{HERE}/test")) {
                    (visit.token_field())
                    (Control::text("address", "Send a test to").placeholder("ops@example.com")
                        .hint("One mail is sent at once; what the mail server says is shown here.").show(form))
                    div.actions { button.solid type="submit" { "Send a test" } }
                }
            }
        }
        section.card.stack {
            h2 { "Webhooks" }
            p { "A program takes " code { "POST" } " with JSON, signed with the source's secret. Each may take "
                (show::count(ways.webhook.timeout_seconds, "second", "seconds"))
                @if let Some(file) = &ways.webhook.ca_file { "; certificates are checked against " code { (file.display()) } }
                ". A test has the event " code { "test" } "." }
            (told.webhook)
            (webhooks(visit, &sources))
        }
    };
    Ok(within(visit, Part::Mail, content))
}

fn facts(server: &ShownMailServer) -> Markup {
    let ShownMailServer { server, encryption, user, password, from, ca_file, timeout_seconds } = server;
    html! {
        dl.facts {
            dt { "Server" } dd { (server) }
            dt { "Encrypted" } dd { (encryption) }
            dt { "From" } dd { (from) }
            dt { "Logs in as" } dd { @match user { Some(user) => (user), None => span.faint { "nobody" } } }
            @if let Some(password) = password {
                dt { "Password" } dd { @match password.split_once(':') {
                    Some(("env", name)) => { "in the variable " code { (name) } },
                    Some(("file", path)) => { "in the file " code { (path) } },
                    _ => "in the server's file",
                } }
            }
            @if let Some(file) = ca_file { dt { "Certificates" } dd { code { (file) } } }
            dt { "May take" } dd { (show::count(*timeout_seconds, "second", "seconds")) }
        }
    }
}

fn webhooks(visit: &Visit, sources: &[SourceSettings]) -> Markup {
    let told = sources.iter().filter_map(|source| Some((&source.name, source.notify.webhook.as_ref()?)));
    let told: Vec<(&String, &Webhook)> = told.collect();
    let heads = html! { th { "Source" } th { "Goes to" } th { span.spoken { "Do" } } };
    let rows = html! { @for (name, webhook) in &told { tr {
        th scope="row" { a href=(sources::path(name)) { (name) } }
        td.text { (webhook.url.shown()) }
        td { @if visit.may(Permission::Sync) {
            form.inline method="post" action=(format!("{HERE}/webhook-test")) {
                (visit.token_field())
                input type="hidden" name="source" value=(name);
                button type="submit" { "Send a test" span.spoken { " to the webhook of " (name) } }
            }
        } }
    } } };
    html! {
        @if told.is_empty() { p.faint { "No source has a webhook." } } @else { (table("Webhooks", heads, rows)) }
    }
}

/// What a test came to, in a sentence or two.
fn outcome(what: &str, trial: &Trial) -> Markup {
    match &trial.result {
        Ok(answer) => banner(Tone::Good, &format!("{} took {what}: {answer}", trial.server)),
        Err(TrialFailure { what: failure, remedy, .. }) => html! {
            div.banner.bad role="alert" {
                (crate::console::widgets::icon("bad"))
                div { p { span.spoken { "Problem: " } (failure) } p { "What to do: " (remedy) "." } }
            }
        },
    }
}

fn answer(visit: &Visit, trial: &Trial, content: Markup) -> Answer {
    if trial.result.is_ok() {
        visit.page(Nav::Settings, "Mail and webhooks", content)
    } else {
        visit.refused(Nav::Settings, "Mail and webhooks", content)
    }
}

pub(in crate::console) async fn test_mail(
    State(console): State<Console>,
    visit: Visit,
    fields: Fields,
) -> Answer {
    let mut form = Form::from(fields);
    let address = match EmailAddresses::one(form.text("address")) {
        Ok(address) => address.to_string(),
        Err(problem) => {
            form.fail("address", problem);
            let content = page(&console, &visit, &form, &Told::default()).await?;
            return visit.refused(Nav::Settings, "Mail and webhooks", content);
        }
    };
    let ways = console.surroundings.ways.borrow().clone();
    let trial = {
        let _turn = console.testers.acquire().await;
        ways.test_mail(&address, Timestamp::now()).await
    };
    let mail = outcome(&format!("the mail to {address}"), &trial);
    let content = page(&console, &visit, &form, &Told { mail, ..Told::default() }).await?;
    answer(&visit, &trial, content)
}

pub(in crate::console) async fn test_webhook(
    State(console): State<Console>,
    visit: Visit,
    fields: Fields,
) -> Answer {
    let form = Form::from(fields);
    let wanted = form.text("source").to_owned();
    let gone = EngineError::NotFound { what: "source", name: wanted.clone() };
    let found = console
        .read(move |engine| engine.read(|reading| Ok::<_, EngineError>(reading.source(&wanted)?)))
        .await?;
    let settings = found.ok_or(gone)?.settings;
    let Some(webhook) = settings.notify.webhook else {
        let text = format!("The source {:?} has no webhook any more.", settings.name);
        return visit.done(HERE, Tone::Warning, text);
    };
    let ways = console.surroundings.ways.borrow().clone();
    let trial = {
        let _turn = console.testers.acquire().await;
        ways.test_webhook(&settings.name, &webhook, Timestamp::now()).await
    };
    let webhook = outcome(&format!("the message of {:?}", settings.name), &trial);
    let content = page(&console, &visit, &Form::default(), &Told { webhook, ..Told::default() }).await?;
    answer(&visit, &trial, content)
}
