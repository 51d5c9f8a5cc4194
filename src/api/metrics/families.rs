//! What there is to measure: the engine's numbers, each under its name.

use jiff::Timestamp;

use super::text::{Family, Labels, Samples};
use super::{MAX_LABELS, process};
use crate::engine::{
    Engine, LookUpKind, LookUpOutcome, MAX_NAMES, OTHERS, SourceStatus, Status, WarningKind,
};
use crate::sync::{Channel, NotificationState, RunState};

/// All metrics at a moment. Reads the store, so it blocks.
pub(super) fn of(engine: &Engine, is_ready: bool, at: Timestamp) -> Vec<Family> {
    let status = engine.status(at).inspect_err(|error| tracing::warn!(%error, "the store cannot be read"));
    let is_serving = engine.snapshot().is_some();
    let is_store_readable = status.as_ref().is_ok_and(|status| {
        let of_the_store = [WarningKind::StoreDamaged, WarningKind::StoreNotReady];
        !status.warnings.iter().any(|warning| of_the_store.contains(&warning.kind))
    });
    let mut all = vec![
        gauges(
            "ringroute_build_info",
            "The version that is running: always 1",
            vec![(label("version", env!("CARGO_PKG_VERSION")), 1.0)],
        ),
        gauge(
            "ringroute_start_time_seconds",
            "When the process began, in Unix time",
            seconds(engine.started_at()),
        ),
        gauge("ringroute_ready", "1 while calls are answered", flag(is_ready && is_serving)),
        gauge("ringroute_store_readable", "1 while the store can be read", flag(is_store_readable)),
    ];
    all.extend(look_ups(engine));
    all.extend(phonebooks_and_routes(engine));
    all.extend(activity(engine));
    if let Ok(status) = &status {
        all.extend(state(status));
        all.extend(sources(&status.sources));
    }
    all.extend(process::families());
    all
}

fn look_ups(engine: &Engine) -> [Family; 2] {
    let look_ups = engine.look_ups();
    let counts = LookUpKind::ALL.into_iter().flat_map(|kind| {
        LookUpOutcome::ALL.map(|outcome| {
            let labels = vec![("kind", kind.name().to_owned()), ("outcome", outcome.name().to_owned())];
            (labels, look_ups.counted(kind, outcome))
        })
    });
    let durations = LookUpKind::ALL.map(|kind| (label("kind", kind.name()), look_ups.durations(kind)));
    [
        counts_of(
            "ringroute_lookups",
            "Look-ups by kind (match: who calls; route: where a call goes; explain: asked by a person) and outcome",
            counts.collect(),
        ),
        Family {
            name: "ringroute_lookup_duration_seconds",
            help: "From the request that was read to the answer that can be written",
            samples: Samples::Durations(durations.into()),
        },
    ]
}

fn phonebooks_and_routes(engine: &Engine) -> Vec<Family> {
    let sizes = engine.phonebook_sizes();
    let size = |of: fn(&crate::index::PhonebookSize) -> u64| {
        let sizes = sizes.iter().map(|(name, size)| (name.clone(), of(size)));
        bounded("phonebook", sizes).into_iter().map(|(labels, count)| (labels, count as f64)).collect()
    };
    let calls = engine.call_counts();
    vec![
        gauges("ringroute_phonebook_contacts", "Contacts of a phonebook", size(|size| size.contacts)),
        gauges("ringroute_phonebook_numbers", "Numbers of a phonebook's contacts", size(|size| size.numbers)),
        counts_of(
            "ringroute_phonebook_calls",
            "Calls of a phonebook's contacts",
            bounded("phonebook", calls.phonebooks.into_iter()),
        ),
        counts_of(
            "ringroute_route_calls",
            "Calls that an inbound route took",
            bounded("route", calls.routes.into_iter()),
        ),
        counts_of(
            "ringroute_unrouted_calls",
            "Calls that no inbound route took",
            vec![(Vec::new(), calls.unrouted)],
        ),
    ]
}

fn activity(engine: &Engine) -> Vec<Family> {
    let activity = engine.activity();
    let (mut runs, mut rows, mut phases) = (Vec::new(), Vec::new(), Vec::new());
    for (source, of_source) in activity.sources() {
        let labels = |more: &[(&'static str, &str)]| -> Labels {
            let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
            std::iter::once(("source", source.clone())).chain(more).collect()
        };
        for (kind, state, count) in &of_source.runs {
            runs.push((labels(&[("kind", kind.name()), ("result", state.name())]), *count));
        }
        let counts = of_source.rows;
        for (outcome, count) in [
            ("added", counts.added),
            ("changed", counts.changed),
            ("moved", counts.moved),
            ("unchanged", counts.unchanged),
            ("rejected", counts.rejected),
            ("removed", counts.removed),
            ("number_dropped", counts.dropped_numbers),
        ] {
            rows.push((labels(&[("outcome", outcome)]), count));
        }
        for (phase, milliseconds) in &of_source.phases {
            phases.push((labels(&[("phase", phase.name())]), *milliseconds as f64 / 1000.0));
        }
    }
    let mut notifications = Vec::new();
    for (channel, channel_name) in [(Channel::Email, "email"), (Channel::Webhook, "webhook")] {
        for (state, outcome) in [
            (NotificationState::Sent, "sent"),
            (NotificationState::Pending, "to_be_tried_again"),
            (NotificationState::NotSent, "given_up"),
        ] {
            let labels = vec![("channel", channel_name.to_owned()), ("outcome", outcome.to_owned())];
            notifications.push((labels, activity.notifications(channel, state)));
        }
    }
    let refused = engine.tokens().refused();
    vec![
        counts_of("ringroute_sync_runs", "Runs that ended, by kind and result", runs),
        counts_of("ringroute_sync_rows", "What became of the rows of sources, and of their contacts", rows),
        Family {
            name: "ringroute_sync_phase_seconds",
            help: "Time that runs spent in each phase",
            samples: Samples::Seconds(phases),
        },
        counts_of(
            "ringroute_notifications",
            "Attempts to send mails and webhooks, by outcome",
            notifications,
        ),
        counts_of(
            "ringroute_tokens_refused",
            "Requests that were turned away for want of a token, or for a wrong one",
            vec![(Vec::new(), refused)],
        ),
    ]
}

fn state(status: &Status) -> Vec<Family> {
    let warnings = WarningKind::ALL.map(|kind| {
        let found = status.warnings.iter().filter(|warning| warning.kind == kind).count();
        (label("kind", kind.name()), found as f64)
    });
    let mut all = vec![
        gauges("ringroute_warnings", "What `ringroute status` warns of, by kind", warnings.into()),
        gauge(
            "ringroute_generation",
            "The generation that is being served; 0 before the first",
            status.generation.0 as f64,
        ),
        gauge("ringroute_contacts", "Contacts being served", status.contacts as f64),
        gauge("ringroute_numbers", "Different numbers being served", status.numbers as f64),
        gauge("ringroute_phonebooks", "Phonebooks", status.phonebooks as f64),
        gauge("ringroute_inbound_routes", "Inbound routes that are on", status.inbound_routes as f64),
        gauge(
            "ringroute_snapshot_bytes",
            "Memory of the contacts and numbers being served",
            status.snapshot_bytes as f64,
        ),
        gauge(
            "ringroute_notifications_pending",
            "Mails and webhooks not sent yet",
            status.pending_notifications as f64,
        ),
    ];
    all.extend(status.generation_made_at.map(|made_at| {
        gauge(
            "ringroute_generation_timestamp_seconds",
            "When the generation was made, in Unix time",
            seconds(made_at),
        )
    }));
    if let Some(disk) = status.disk {
        all.push(gauge("ringroute_store_bytes", "Size of the store's files", disk.store as f64));
        all.push(gauge("ringroute_disk_free_bytes", "Room on the disk of the data folder", disk.free as f64));
        all.push(gauge("ringroute_disk_needed_bytes", "Room that a run may need", disk.needed() as f64));
    }
    all
}

fn sources(sources: &[SourceStatus]) -> Vec<Family> {
    let sources = &sources[..sources.len().min(MAX_NAMES)];
    let each = |name, help, of: fn(&SourceStatus) -> Option<f64>| {
        let samples = sources.iter().filter_map(|source| Some((label("source", &source.name), of(source)?)));
        gauges(name, help, samples.collect())
    };
    let phases = sources.iter().filter_map(|source| Some((source, source.last_run.as_ref()?)));
    let phases = phases.flat_map(|(source, run)| {
        run.phases.iter().map(|phase| {
            let labels = vec![("source", source.name.clone()), ("phase", phase.phase.name().to_owned())];
            (labels, phase.milliseconds as f64 / 1000.0)
        })
    });
    vec![
        each("ringroute_source_enabled", "1 while the source is on", |source| Some(flag(source.enabled))),
        each("ringroute_source_running", "1 while a run of the source is under way", |source| {
            Some(flag(source.running.is_some()))
        }),
        each(
            "ringroute_source_stale",
            "1 when two times that the source was due have passed without success",
            |source| Some(flag(source.is_stale)),
        ),
        each("ringroute_source_last_run_succeeded", "1 when the last run did what it was for", |source| {
            source.last_run.as_ref().map(|run| flag(run.state == RunState::Succeeded))
        }),
        each(
            "ringroute_source_last_success_timestamp_seconds",
            "When the source last succeeded, in Unix time",
            |source| source.last_succeeded_at.map(seconds),
        ),
        each(
            "ringroute_source_next_run_timestamp_seconds",
            "When the source is due next, in Unix time",
            |source| source.next_run_at.map(seconds),
        ),
        gauges(
            "ringroute_source_last_run_phase_seconds",
            "How long the phases of the last run took",
            phases.collect(),
        ),
    ]
}

/// Samples by name: the first [`MAX_LABELS`], and the rest together.
fn bounded(name: &'static str, counts: impl Iterator<Item = (String, u64)>) -> Vec<(Labels, u64)> {
    let mut counts: Vec<_> = counts.map(|(value, count)| (vec![(name, value)], count)).collect();
    let rest: u64 = counts.iter().skip(MAX_LABELS).map(|(_, count)| count).sum();
    if counts.len() > MAX_LABELS {
        counts.truncate(MAX_LABELS);
        counts.push((label(name, OTHERS), rest));
    }
    counts
}

fn label(name: &'static str, value: &str) -> Labels {
    vec![(name, value.to_owned())]
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

fn gauge(name: &'static str, help: &'static str, value: f64) -> Family {
    gauges(name, help, vec![(Vec::new(), value)])
}

fn gauges(name: &'static str, help: &'static str, samples: Vec<(Labels, f64)>) -> Family {
    Family { name, help, samples: Samples::Gauges(samples) }
}

fn counts_of(name: &'static str, help: &'static str, samples: Vec<(Labels, u64)>) -> Family {
    Family { name, help, samples: Samples::Counts(samples) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_are_counted_together() {
        let counts = (0..MAX_LABELS as u64 + 3).map(|number| (format!("phonebook {number}"), 2));
        let bounded = bounded("phonebook", counts);
        assert_eq!(bounded.len(), MAX_LABELS + 1);
        assert_eq!(bounded[MAX_LABELS], (label("phonebook", OTHERS), 6));
        assert_eq!(bounded[0], (label("phonebook", "phonebook 0"), 2));
    }
}
