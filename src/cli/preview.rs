//! What a run would change, for people: phonebooks, calls, contacts.

use super::connection::Connection;
use super::exit::Result;
use super::screen::{Screen, Table};
use super::words::{self, count, counted};
use crate::api::proto::v1::{self, ContactChangeKind};

/// Most changes that are asked for at once.
const PAGE: u32 = 1000;

/// So many changes of each kind are shown unless all are asked for.
const SHOWN_CHANGES: u32 = 10;

/// So many changes of route are shown unless all are asked for.
const SHOWN_REROUTES: usize = 20;

/// Every kind of change, with the mark before it.
const KINDS: [(ContactChangeKind, char, &str); 5] = [
    (ContactChangeKind::Added, '+', "Added"),
    (ContactChangeKind::Changed, '~', "Changed"),
    (ContactChangeKind::Moved, '>', "Moved"),
    (ContactChangeKind::Removed, '-', "Removed"),
    (ContactChangeKind::KeptMissing, '?', "Kept though not received"),
];

/// Prints what a preview says of phonebooks, calls and contacts.
pub(super) async fn show(
    screen: &mut Screen,
    connection: &Connection,
    run: &v1::SyncRun,
    preview: &v1::SyncPreview,
    all: bool,
) -> Result<()> {
    if !preview.objection.is_empty() {
        let guard = format!("A run would be refused unless this preview allows it: {}.", preview.objection);
        screen.line(screen.bad(words::on_one_line(&guard)))?;
    }
    phonebooks(screen, &preview.phonebooks)?;
    if let Some(calls) = &preview.calls {
        effect(screen, calls, all)?;
    }
    let counts = run.counts.unwrap_or_default();
    let mut is_cut = preview.calls.as_ref().is_some_and(|calls| calls.reroutes.len() > SHOWN_REROUTES);
    for (kind, mark, title) in KINDS {
        let total = match kind {
            ContactChangeKind::Added => counts.added,
            ContactChangeKind::Changed => counts.changed,
            ContactChangeKind::Moved => counts.moved,
            ContactChangeKind::Removed => counts.removed,
            ContactChangeKind::KeptMissing => counts.kept_missing,
            ContactChangeKind::Unspecified => 0,
        };
        if total == 0 {
            continue;
        }
        let size = if all { PAGE } else { SHOWN_CHANGES };
        let changes = page(connection, run.run_id, kind, size, String::new()).await?.changes;
        let shown = changes.len() as u64;
        is_cut |= shown < total;
        let of = if shown < total {
            format!("the first {} of {}", count(shown), count(total))
        } else {
            count(total)
        };
        screen.line(screen.bold(format!("{title} ({of})")))?;
        for change in &changes {
            screen.line(line(mark, change))?;
        }
    }
    if is_cut && !all {
        screen.line(format!("More of it: ringroute sync preview --again {} --all", run.run_id))?;
    }
    Ok(())
}

fn phonebooks(screen: &mut Screen, phonebooks: &[v1::PhonebookChange]) -> Result<()> {
    let mut table = Table::new(["phonebook", "before", "after", "", "routes that ask for it"]);
    let changed = phonebooks.iter().filter(|phonebook| phonebook.contacts_before != phonebook.contacts_after);
    for phonebook in changed.clone() {
        let what = match (phonebook.is_new, phonebook.contacts_after) {
            (true, _) => "new",
            (false, 0) => "EMPTIED",
            (false, _) => "",
        };
        table.row([
            &phonebook.name,
            &count(phonebook.contacts_before),
            &count(phonebook.contacts_after),
            what,
            &phonebook.routes.join(", "),
        ]);
    }
    if changed.count() > 0 {
        screen.table(&table)?;
    }
    Ok(())
}

fn effect(screen: &mut Screen, calls: &v1::CallEffect, all: bool) -> Result<()> {
    screen.line(format!(
        "{}: {} newly found, {} no longer found, {} found otherwise.",
        screen.bold(format!("Calls from {} would be answered otherwise", counted(calls.numbers, "number"))),
        count(calls.newly_matched),
        count(calls.no_longer_matched),
        count(calls.matched_otherwise)
    ))?;
    let assumed = assumed(calls);
    if calls.rerouted == 0 {
        return screen.line(format!("None of them would take another inbound route{assumed}."));
    }
    screen
        .line(screen.bold(format!("{} of them would take another inbound route:", count(calls.rerouted))))?;
    let mut table = Table::new(["from", "to", "numbers", "for example"]);
    let route = |name: &str| if name.is_empty() { "(no route)".to_owned() } else { name.to_owned() };
    let shown = if all { calls.reroutes.len() } else { SHOWN_REROUTES };
    for reroute in calls.reroutes.iter().take(shown) {
        let example = reroute.examples.first().map(|example| for_example(example, calls)).unwrap_or_default();
        table.row([&route(&reroute.from), &route(&reroute.to), &count(reroute.numbers), &example]);
        if all {
            reroute.examples.iter().skip(1).for_each(|example| table.note(&for_example(example, calls)));
        }
    }
    screen.table(&table)?;
    if calls.reroute_count > shown as u64 {
        screen.line(format!("… and {} more pairs of routes", count(calls.reroute_count - shown as u64)))?;
    }
    let lines = counted(calls.lines.len() as u64, "line");
    screen.line(screen.faint(format!(
        "Each number was tried on {lines} (trunk and dialled number), one of each kind that routes can tell \
         apart{assumed}."
    )))?;
    if calls.patterns_left_out > 0 {
        let patterns = counted(calls.patterns_left_out, "pattern");
        screen.line(screen.faint(format!("{patterns} of dialled numbers could not be tried.")))?;
    }
    Ok(())
}

/// What calls were assumed to be like, to be put behind a sentence.
fn assumed(calls: &v1::CallEffect) -> String {
    let Some(at) = &calls.at else { return String::new() };
    let vouched = match calls.attestation() {
        v1::Attestation::Unspecified => "not vouched for by the network".to_owned(),
        level => {
            let level = level.as_str_name().trim_start_matches("ATTESTATION_");
            format!("vouched for by the network with level {level}")
        }
    };
    format!(", at {}, {vouched}", words::time(Some(at)))
}

fn for_example(example: &v1::RerouteExample, calls: &v1::CallEffect) -> String {
    let who = |name: &str| if name.is_empty() { "nobody".to_owned() } else { name.to_owned() };
    let (before, after) = (who(&example.found_before), who(&example.found_after));
    let who = if before == after { before } else { format!("{before} -> {after}") };
    let mut text = format!("{} ({who})", example.number);
    if let Some(line) = calls.lines.get(example.line as usize) {
        if !line.did.is_empty() {
            text.push_str(&format!(", dialled {}", line.did));
        }
        if !line.trunk.is_empty() {
            text.push_str(&format!(", trunk {}", line.trunk));
        }
    }
    text
}

/// One contact in a line: `~ 17 Anna Müller (Sales -> Support): city "Bonn" -> "Köln"`.
fn line(mark: char, change: &v1::ContactChange) -> String {
    let (before, after) = (&change.phonebook_before, &change.phonebook_after);
    let phonebook = match (before.as_str(), after.as_str()) {
        ("", name) | (name, "") => name.to_owned(),
        (before, after) if before == after => before.to_owned(),
        (before, after) => format!("{before} -> {after}"),
    };
    let kind = change.kind();
    let field = |change: &v1::FieldChange| {
        let [before, after] = [&change.before, &change.after].map(|value| words::shortened(value));
        match kind {
            ContactChangeKind::Added => format!("{} {after}", change.field),
            ContactChangeKind::Removed => format!("{} {before}", change.field),
            _ => format!("{} {before:?} -> {after:?}", change.field),
        }
    };
    let fields: Vec<String> = change.fields.iter().map(field).collect();
    let fields = if fields.is_empty() { String::new() } else { format!(": {}", fields.join("; ")) };
    let (key, name) = (words::shortened(&change.source_key), &change.display_name);
    words::on_one_line(&format!("  {mark} {key} {name} ({phonebook}){fields}"))
}

async fn page(
    connection: &Connection,
    run_id: u64,
    kind: ContactChangeKind,
    page_size: u32,
    page_token: String,
) -> Result<v1::ListSyncPreviewChangesResponse> {
    let request = v1::ListSyncPreviewChangesRequest { run_id, kind: kind.into(), page_size, page_token };
    Ok(connection.sync().list_sync_preview_changes(request).await?.into_inner())
}

/// Every change that is kept of a preview.
pub(super) async fn all_changes(
    connection: &Connection,
    run_id: u64,
) -> Result<v1::ListSyncPreviewChangesResponse> {
    let mut all = v1::ListSyncPreviewChangesResponse::default();
    loop {
        let token = std::mem::take(&mut all.next_page_token);
        let page = page(connection, run_id, ContactChangeKind::Unspecified, PAGE, token).await?;
        all.changes.extend(page.changes);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        all.next_page_token = page.next_page_token;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: ContactChangeKind, before: &str, after: &str) -> v1::ContactChange {
        v1::ContactChange {
            kind: kind.into(),
            source_key: "17".into(),
            display_name: "Anna Berg".into(),
            phonebook_before: before.into(),
            phonebook_after: after.into(),
            fields: vec![v1::FieldChange {
                field: "city".into(),
                before: "Bonn".into(),
                after: "Köln".into(),
            }],
        }
    }

    #[test]
    fn a_change_is_one_line() {
        let changed = change(ContactChangeKind::Changed, "Sales", "Support");
        assert_eq!(line('~', &changed), r#"  ~ 17 Anna Berg (Sales -> Support): city "Bonn" -> "Köln""#);
        let added = change(ContactChangeKind::Added, "", "Sales");
        assert_eq!(line('+', &added), "  + 17 Anna Berg (Sales): city Köln");
        let removed = change(ContactChangeKind::Removed, "Sales", "");
        assert_eq!(line('-', &removed), "  - 17 Anna Berg (Sales): city Bonn");
        let moved =
            v1::ContactChange { fields: Vec::new(), ..change(ContactChangeKind::Moved, "Sales", "VIP") };
        assert_eq!(line('>', &moved), "  > 17 Anna Berg (Sales -> VIP)");
    }
}
