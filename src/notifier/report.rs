//! What is told of a run: as a subject, as text, as HTML, and as JSON for programs.
//!
//! What a source sent (column names, reasons for rejects) stands in it: it is escaped where it could be taken for
//! something else. Names and numbers of contacts are not in it.

use jiff::Timestamp;
use maud::{DOCTYPE, html};
use serde_json::json;

use super::on_one_line;
use crate::engine::RunNews;
use crate::settings::Occasion;
use crate::sync::{RunCounts, RunState, SyncRun};

/// Longest name, reason or failure that is told.
const MAX_CHARACTERS: usize = 2000;

/// One notification.
pub(super) struct Report<'a> {
    /// Number of the notification.
    pub(super) id: i64,
    pub(super) occasion: Occasion,
    pub(super) news: &'a RunNews,
}

/// What a reader can do.
struct Step {
    why: String,
    commands: Vec<String>,
}

impl Report<'_> {
    fn run(&self) -> &SyncRun {
        &self.news.run
    }

    fn source(&self) -> String {
        on_one_line(&self.run().source, MAX_CHARACTERS)
    }

    fn headline(&self) -> String {
        let (source, run) = (self.source(), self.run());
        if let Some(before) = run.to_before {
            return match run.state {
                RunState::Succeeded => format!("{source} was rolled back to before run {before}"),
                RunState::Failed | RunState::Running => format!("{source} could not be rolled back"),
                RunState::Refused => format!("A rollback of {source} was refused"),
                RunState::Cancelled => format!("A rollback of {source} was cancelled"),
            };
        }
        match (run.state, self.occasion) {
            (RunState::Succeeded, Occasion::Recovery) => format!("{source} is synchronised again"),
            (RunState::Succeeded, _) => format!("{source} was synchronised"),
            (RunState::Failed | RunState::Running, _) => format!("{source} could not be synchronised"),
            (RunState::Refused, _) => format!("A synchronisation of {source} was refused"),
            (RunState::Cancelled, _) => format!("A synchronisation of {source} was cancelled"),
        }
    }

    pub(super) fn subject(&self) -> String {
        format!("[Ringroute] {} (run {})", self.headline(), self.run().id)
    }

    fn failure(&self) -> String {
        on_one_line(&self.run().failure, MAX_CHARACTERS)
    }

    fn duration(&self) -> Option<String> {
        let run = self.run();
        let milliseconds = run.finished_at?.as_millisecond() - run.started_at.as_millisecond();
        Some(format!("{}.{} s", milliseconds.max(0) / 1000, milliseconds.max(0) % 1000 / 100))
    }

    /// What there is to know, each with its name.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let run = self.run();
        let counts = run.counts;
        let mut facts = vec![
            ("Source", self.source()),
            ("Run", run.id.to_string()),
            (
                "Started",
                format!(
                    "{}, by {}",
                    to_the_second(run.started_at),
                    on_one_line(&run.started_by, MAX_CHARACTERS)
                ),
            ),
        ];
        facts.extend(run.to_before.map(|before| ("Back to before run", before.to_string())));
        facts.extend(self.duration().map(|duration| ("Duration", duration)));
        let RunCounts {
            rows,
            added,
            changed,
            moved,
            unchanged,
            rejected,
            removed,
            kept_missing,
            dropped_numbers,
        } = counts;
        let is_done = run.state == RunState::Succeeded;
        let has_read = run.to_before.is_none();
        let numbers = [
            ("Rows read", rows, has_read),
            ("Contacts synchronised", counts.synchronised(), has_read && is_done),
            ("Added", added, is_done),
            ("Changed", changed, is_done),
            ("Moved to another phonebook", moved, is_done),
            ("Removed", removed, is_done),
            ("Unchanged", unchanged, is_done),
            ("Rows rejected", rejected, has_read),
            ("Kept though not received", kept_missing, kept_missing > 0),
            ("Numbers left out", dropped_numbers, dropped_numbers > 0),
        ];
        let told = numbers.into_iter().filter(|(_, _, is_told)| *is_told);
        facts.extend(told.map(|(name, count, _)| (name, count.to_string())));
        if !is_done {
            facts.push(("Changed", "nothing: calls are answered as before".to_owned()));
        }
        facts
    }

    /// Why rows and numbers could not be used, and how many.
    fn reasons(&self) -> impl Iterator<Item = String> + '_ {
        self.news.reasons.iter().map(|reason| {
            let column = match reason.column.is_empty() {
                true => String::new(),
                false => format!("{}: ", on_one_line(&reason.column, MAX_CHARACTERS)),
            };
            format!("{} × {column}{}", reason.count, on_one_line(&reason.reason, MAX_CHARACTERS))
        })
    }

    fn steps(&self) -> Vec<Step> {
        let run = self.run();
        let source = argument(&self.source());
        let mut steps = Vec::new();
        match (run.state, run.to_before) {
            (RunState::Succeeded | RunState::Cancelled, _) => {}
            (_, Some(before)) => steps.push(Step {
                why: "When that is put right, roll back again:".to_owned(),
                commands: vec![format!("ringroute sync rollback {before}")],
            }),
            (RunState::Failed | RunState::Running, None) => steps.push(Step {
                why: "When that is put right, synchronise again:".to_owned(),
                commands: vec![format!("ringroute sync run {source}")],
            }),
            (RunState::Refused, None) => steps.push(Step {
                why: "See what it would do; if that is right, allow it once, by the preview's number:"
                    .to_owned(),
                commands: vec![
                    format!("ringroute sync preview {source}"),
                    format!("ringroute sync run {source} --allow-preview NUMBER"),
                ],
            }),
        }
        if run.counts.rejected + run.counts.dropped_numbers > 0 {
            steps.push(Step {
                why: "Each row and number that could not be used, with the reason:".to_owned(),
                commands: vec![format!("ringroute sync show {} --problems", run.id)],
            });
        }
        steps
    }

    fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        self.run().warnings.iter().map(|warning| on_one_line(warning, MAX_CHARACTERS))
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![format!("{}.", self.headline())];
        if !self.failure().is_empty() {
            lines.extend([String::new(), self.failure()]);
        }
        lines.push(String::new());
        lines.extend(self.facts().into_iter().map(|(name, value)| format!("{name}: {value}")));
        for (title, items) in
            [("Why", self.reasons().collect::<Vec<_>>()), ("Note", self.warnings().collect())]
        {
            if !items.is_empty() {
                lines.extend([String::new(), format!("{title}:")]);
                lines.extend(items.into_iter().map(|item| format!("  {item}")));
            }
        }
        for Step { why, commands } in self.steps() {
            lines.extend([String::new(), why]);
            lines.extend(commands.into_iter().map(|command| format!("  {command}")));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    pub(super) fn html(&self) -> String {
        let (reasons, warnings) = (self.reasons().collect::<Vec<_>>(), self.warnings().collect::<Vec<_>>());
        let lists = [("Why rows and numbers could not be used", reasons), ("Note", warnings)];
        html! {
            (DOCTYPE)
            html lang="en" {
                head { meta charset="utf-8"; title { (self.subject()) } }
                body style="font-family: sans-serif" {
                    h1 style="font-size: 1.3em" { (self.headline()) }
                    @if !self.failure().is_empty() { p style="color: #a00" { (self.failure()) } }
                    table {
                        @for (name, value) in self.facts() {
                            tr { th style="text-align: left; padding-right: 1em" { (name) } td { (value) } }
                        }
                    }
                    @for (title, items) in lists.iter().filter(|(_, items)| !items.is_empty()) {
                        h2 style="font-size: 1.1em" { (title) }
                        ul { @for item in items { li { (item) } } }
                    }
                    @for Step { why, commands } in self.steps() {
                        p { (why) }
                        @for command in commands { pre { (command) } }
                    }
                }
            }
        }
        .into_string()
    }

    /// The body of a webhook. Keys are only ever added.
    pub(super) fn json(&self) -> String {
        let run = self.run();
        let RunCounts {
            rows,
            added,
            changed,
            moved,
            unchanged,
            rejected,
            removed,
            kept_missing,
            dropped_numbers,
        } = run.counts;
        let reasons =
            self.news.reasons.iter().map(
                |reason| json!({ "column": reason.column, "reason": reason.reason, "count": reason.count }),
            );
        json!({
            "event": "sync_run_ended",
            "notification": self.id,
            "occasion": self.occasion,
            "run": run.id,
            "kind": run.kind,
            "source": run.source,
            "state": run.state,
            "started_by": run.started_by,
            "started_at": to_the_second(run.started_at),
            "finished_at": run.finished_at.map(to_the_second),
            "failure": run.failure,
            "warnings": run.warnings,
            "generation": run.generation,
            "synchronised": run.counts.synchronised(),
            "counts": {
                "rows_read": rows, "added": added, "changed": changed, "moved": moved, "removed": removed,
                "unchanged": unchanged, "rejected": rejected, "kept_missing": kept_missing,
                "dropped_numbers": dropped_numbers,
            },
            "reasons": reasons.collect::<Vec<_>>(),
        })
        .to_string()
    }
}

fn to_the_second(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

/// A name as an argument on a shell's command line.
fn argument(name: &str) -> String {
    format!("'{}'", name.replace('\'', r"'\''"))
}
