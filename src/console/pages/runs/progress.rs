//! A run under way.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use maud::{Markup, html};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::run::phase_name;
use super::{path, run_id};
use crate::access::Permission;
use crate::console::visit::{Answer, Tone, Visit};
use crate::console::widgets::act;
use crate::console::{Console, show};
use crate::engine::ActiveRun;
use crate::sync::{Phase, Progress};

/// Time between two messages, at least: four a second are a moving bar.
const BETWEEN_MESSAGES: Duration = Duration::from_millis(250);

/// A run under way, with the bar that moves.
pub(in crate::console) fn progress_card(visit: &Visit, active: &ActiveRun) -> Markup {
    let here = path(active.id);
    let progress = active.progress().borrow().clone();
    html! {
        section.card.stack {
            h2 { "Run " a href=(here) { (active.id) } " is under way" }
            div data-live=(format!("{here}/progress")) { (bar(&progress)) }
            @if visit.may(Permission::Sync) { div.actions { (act(visit, &format!("{here}/cancel"), "danger", "Cancel")) } }
        }
    }
}

fn bar(progress: &Progress) -> Markup {
    let rows = progress.counts.rows;
    let (rate, remaining) = progress.estimate(progress.began.elapsed());
    // What comes after reading has no measure; the bar is full then, and the words say what is being done.
    let whole = match progress.phase {
        Phase::Wait => None,
        Phase::Read => progress.expected_rows.filter(|expected| *expected >= rows && *expected > 0),
        _ => Some(rows),
    };
    html! {
        div.stack {
            @match whole {
                Some(whole) => { progress aria-label="Progress" max=(whole.max(1)) value=(rows.min(whole).max(u64::from(progress.phase != Phase::Read))) {} }
                None => { progress aria-label="Progress" {} }
            }
            p.number {
                strong { (phase_name(progress.phase)) }
                @if progress.phase != Phase::Wait { ": " (show::count(rows, "row", "rows")) }
                @if let Some(whole) = whole.filter(|_| progress.phase == Phase::Read) { " of about " (show::number(whole)) }
                @if let Some(rate) = rate { ", " (show::number(rate)) " a second" }
                @if let Some(remaining) = remaining { ", " (show::duration(remaining.as_millis() as u64)) " left" }
            }
        }
    }
}

/// Tells the bar anew until the run has ended.
pub(in crate::console) async fn progress(State(console): State<Console>, Path(id): Path<String>) -> Answer {
    let (news, stream) = mpsc::channel(1);
    let active = console.engine.active_run(run_id(&id)?);
    let stop = console.stop.clone();
    tokio::spawn(async move {
        if let Some(active) = active {
            tokio::select! {
                () = tell(&active, &news) => {}
                () = news.closed() => return,
                () = stop.cancelled() => return,
            }
        }
        let _ = news.send(Ok::<_, Infallible>(Event::default().event("end").data("end"))).await;
    });
    Ok(Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::default()).into_response())
}

async fn tell(active: &ActiveRun, news: &mpsc::Sender<Result<Event, Infallible>>) {
    let mut progress = active.progress();
    let mut end = progress.clone();
    loop {
        let now = progress.borrow_and_update().clone();
        if now.finished.is_some() {
            return;
        }
        // maud writes no line breaks of its own, and there is no text in it.
        let part = Event::default().event("part").data(bar(&now).into_string());
        if news.send(Ok(part)).await.is_err() {
            return;
        }
        let changed = async {
            tokio::time::sleep(BETWEEN_MESSAGES).await;
            progress.changed().await.is_ok()
        };
        let is_there = tokio::select! {
            changed = changed => changed,
            ended = end.wait_for(|progress| progress.finished.is_some()) => ended.is_ok(),
        };
        if !is_there {
            return;
        }
    }
}

pub(in crate::console) async fn cancel(
    State(console): State<Console>,
    visit: Visit,
    Path(id): Path<String>,
) -> Answer {
    let id = run_id(&id)?;
    let run = console.engine.run(id).await?;
    let active = console.engine.active_run(run.id);
    if !console.engine.cancel_sync_by(id, visit.actor()) {
        return visit.done(&path(id), Tone::Plain, "The run had ended already.");
    }
    if let Some(active) = active {
        // An error says that it is gone, which is its end too.
        let ended =
            async { active.progress().wait_for(|progress| progress.finished.is_some()).await.is_ok() };
        let _ = console.stop.run_until_cancelled(ended).await;
    }
    Ok(crate::console::guard::see(&path(id)))
}
