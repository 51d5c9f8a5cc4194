//! The audit: who changed what, when and from where, with what was before and what after.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::IntoResponse as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use maud::{Markup, html};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Part, within};
use crate::audit::{AuditAction, AuditEntry, ValueChange};
use crate::console::control::{Control, below_errors_of_question};
use crate::console::form::Form;
use crate::console::layout::Nav;
use crate::console::visit::{Answer, Tone, Visit, segment};
use crate::console::widgets::{badge, empty, page_head, pages, table};
use crate::console::{Console, show};
use crate::engine::{Engine, EngineError};
use crate::spreadsheet;
use crate::store::AuditFilter;

const HERE: &str = "/settings/audit";

/// Entries on a page.
const PAGE: u32 = 50;

/// Entries that are read at a time for a file.
const PART: u32 = 500;

/// Longest text that entries are searched for, in characters.
const MAX_SEARCHED: usize = 200;

/// Lets spreadsheets see that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Which entries.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Wanted {
    who: String,
    what: String,
    since: String,
    until: String,
    before: String,
}

impl Wanted {
    fn form(&self) -> Form {
        Form::of([("who", &self.who), ("what", &self.what), ("since", &self.since), ("until", &self.until)])
    }

    /// Where these are, with more behind the `?`.
    fn path(&self, path: &str, more: &str) -> String {
        let fields =
            [("who", &self.who), ("what", &self.what), ("since", &self.since), ("until", &self.until)];
        let given = fields.iter().filter(|(_, value)| !value.is_empty());
        let query: Vec<String> = given
            .map(|(name, value)| format!("{name}={}", segment(value)))
            .chain(Some(more.to_owned()).filter(|more| !more.is_empty()))
            .collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }

    /// What it asks for; what is wrong stands at its field.
    fn filter(&self, form: &mut Form) -> Option<AuditFilter> {
        for field in ["who", "what"] {
            if form.text(field).chars().count() > MAX_SEARCHED {
                form.fail(field, format!("is too long; at most {MAX_SEARCHED} characters are searched for"));
            }
        }
        let since = beginning(form, "since", 0);
        // The day itself is meant, too.
        let until = beginning(form, "until", 1);
        let (who, what) = (form.text("who").to_owned(), form.text("what").to_owned());
        let before = self.before.parse().ok();
        form.is_fine().then_some(AuditFilter { since, until, who, what, before, limit: PAGE + 1 })
    }
}

/// When a day begins on the server's clock, so many days later.
fn beginning(form: &mut Form, field: &str, days_later: i32) -> Option<Timestamp> {
    if form.text(field).is_empty() {
        return None;
    }
    let day = form.text(field).parse::<Date>().and_then(|day| day.checked_add(days_later.days()));
    let begin = day
        .ok()
        .map(|day| day.at(0, 0, 0, 0))
        .and_then(|day| TimeZone::system().to_ambiguous_timestamp(day).compatible().ok());
    match begin {
        Some(begin) => Some(begin),
        None => {
            let problem = format!("{:?} is no day; one such as 2026-11-24 is expected", form.text(field));
            form.fail(field, problem);
            None
        }
    }
}

fn read(engine: &Engine, filter: &AuditFilter) -> Result<Vec<AuditEntry>, EngineError> {
    engine.read(|reading| Ok::<_, EngineError>(reading.audit_entries(filter)?))
}

pub(in crate::console) async fn list(
    State(console): State<Console>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let mut form = wanted.form();
    let Some(filter) = wanted.filter(&mut form) else {
        return visit.refused(Nav::Settings, "Audit", page(&visit, &wanted, &form, &[]));
    };
    let found = console.read(move |engine| read(engine, &filter)).await?;
    visit.page(Nav::Settings, "Audit", page(&visit, &wanted, &form, &found))
}

/// `found` has one more than fits the page, if there are more.
fn page(visit: &Visit, wanted: &Wanted, form: &Form, found: &[AuditEntry]) -> Markup {
    let shown = &found[..found.len().min(PAGE as usize)];
    let next = shown.last().filter(|_| found.len() > shown.len());
    let next = next.map(|last| wanted.path(HERE, &format!("before={}", last.id)));
    let first = (!wanted.before.is_empty()).then(|| wanted.path(HERE, ""));
    let actions =
        html! { a.button href=(wanted.path(&format!("{HERE}/audit.csv"), "")) { "Download as CSV" } };
    let about = html! { "Who changed what, the latest first: settings, users, tokens, contacts made by hand, runs that \
    somebody started or ended. Secrets are never among it. The last 20 000 entries are kept." };
    let content = html! {
        (page_head("Audit", about, actions))
        (below_errors_of_question(form, html! {
            form.search method="get" action=(HERE) {
                (Control::text("who", "Who").hint("A part of a name or an address.").show(form))
                (Control::text("what", "What").hint("Such as removed, or source \"crm\".").show(form))
                (Control::date("since", "From").show(form))
                (Control::date("until", "To").show(form))
                button type="submit" { "Show" }
            }
        }))
        @if shown.is_empty() {
            (empty("Nothing found", "Nobody did anything that this asks for.", html! {
                a.button href=(HERE) { "Show everything" }
            }))
        } @else { (entries(shown)) }
        (pages(first.as_deref(), next.as_deref()))
    };
    within(visit, Part::Audit, content)
}

fn entries(found: &[AuditEntry]) -> Markup {
    let now = Timestamp::now();
    let heads = html! { th { "When" } th { "Who" } th { "What" } th { "Before and after" } };
    let rows = html! { @for entry in found { tr {
        td.nowrap { (show::moment(entry.at, now)) div.faint { (show::clock_time(entry.at)) } }
        td.name { (who(entry)) }
        td.text { (action(entry.event.action)) " " (entry.event.subject) }
        td.text { (values(entry)) }
    } } };
    table("What was done", heads, rows)
}

fn who(entry: &AuditEntry) -> Markup {
    let actor = &entry.actor;
    html! {
        @if actor.name.is_empty() { span.faint { "nobody who had to say" } } @else { (actor.name) }
        div.faint { (actor.door.name()) " " (actor.address) }
    }
}

fn action(action: AuditAction) -> Markup {
    let tone = match action {
        AuditAction::Added => Tone::Good,
        AuditAction::Changed | AuditAction::Started => Tone::Plain,
        AuditAction::Removed => Tone::Bad,
        AuditAction::Cancelled => Tone::Warning,
    };
    badge(tone, action.name())
}

fn values(entry: &AuditEntry) -> Markup {
    let event = &entry.event;
    html! {
        @if event.changes.len() > 3 {
            details.more {
                summary { (show::count(event.changes.len() as u64, "value", "values")) }
                (list_of(&event.changes))
            }
        } @else { (list_of(&event.changes)) }
        @if event.left_out > 0 { p.faint { "and " (show::number(event.left_out)) " more" } }
    }
}

fn list_of(changes: &[ValueChange]) -> Markup {
    html! {
        ul.plain-list { @for ValueChange { field, before, after } in changes { li {
            span.faint { (field) ": " }
            @if let Some(before) = before { del { span.spoken { "before: " } (before) } }
            @if before.is_some() && after.is_some() { " → " }
            @if let Some(after) = after { ins { span.spoken { "after: " } (after) } }
            @if before.is_none() && after.is_none() { "not set" }
        } } }
    }
}

/// All entries that are asked for, one line for each value.
pub(in crate::console) async fn csv(State(console): State<Console>, Query(wanted): Query<Wanted>) -> Answer {
    let mut form = wanted.form();
    let wanted = Wanted { before: String::new(), ..wanted };
    let Some(mut filter) = wanted.filter(&mut form) else {
        // The page says what is wrong.
        return Ok(crate::console::guard::see(&wanted.path(HERE, "")));
    };
    filter.limit = PART;
    let heads = [
        "number",
        "when",
        "who",
        "door",
        "address",
        "action",
        "subject",
        "field",
        "before",
        "after",
        "generation",
    ];
    let mut text = format!("{BYTE_ORDER_MARK}{}", spreadsheet::line(heads));
    let (sender, parts) = mpsc::channel::<Result<String, std::io::Error>>(1);
    tokio::spawn(async move {
        loop {
            let asked = filter.clone();
            match console.read(move |engine| read(engine, &asked)).await {
                Ok(found) => {
                    found.iter().for_each(|entry| text += &lines(entry));
                    filter.before = found.last().map(|last| last.id).filter(|_| found.len() == PART as usize);
                    if sender.send(Ok(std::mem::take(&mut text))).await.is_err() || filter.before.is_none() {
                        return;
                    }
                }
                Err(error) => {
                    // The browser sees that the file is cut off.
                    let _ = sender.send(Err(std::io::Error::other(error.to_string()))).await;
                    return;
                }
            }
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(parts))).into_response())
}

fn lines(entry: &AuditEntry) -> String {
    let AuditEntry { id, at, actor, event, generation } = entry;
    let (id, at, generation) = (id.to_string(), at.to_string(), generation.0.to_string());
    let line = |field: &str, before: &str, after: &str| {
        let (door, action) = (actor.door.name(), event.action.name());
        spreadsheet::line([
            &id,
            &at,
            &actor.name,
            door,
            &actor.address,
            action,
            &event.subject,
            field,
            before,
            after,
            &generation,
        ])
    };
    if event.changes.is_empty() {
        return line("", "", "");
    }
    let value = |value: &Option<String>| value.clone().unwrap_or_default();
    event
        .changes
        .iter()
        .map(|change| line(&change.field, &value(&change.before), &value(&change.after)))
        .collect()
}
