//! What is wrong, and what is to be done: a pure function of what was found.

use super::{DiskSpace, SourceStatus, Status};
use crate::generation::Generation;
use crate::routing::{RouteWarning, RouteWarningKind};
use crate::store::OutOfService;
use crate::sync::{Channel, Notification, NotificationState, RunState};

/// How all is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing is wrong.
    Healthy,
    /// Calls are answered, and something should be looked at.
    Degraded,
    /// Calls are not answered.
    NotServing,
}

/// Something that should be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// In what way.
    pub kind: WarningKind,
    /// The source or inbound route that it is about; empty when it is about all.
    pub subject: String,
    /// What is wrong: a sentence for people.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// What may be wrong. In the order of how bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WarningKind {
    /// There is nothing to answer calls from.
    NothingToServe,
    /// The store is damaged: calls are answered from the last good generation, and nothing can be changed.
    StoreDamaged,
    /// The store cannot be read or written, or could not at the start: calls are answered from the last good generation,
    /// and nothing can be changed.
    StoreNotReady,
    /// Settings that an older version accepted cannot work, so calls are answered without them, or are against a rule.
    SettingsLeftOut,
    /// The disk is nearly full: runs are going to fail.
    DiskLow,
    /// The contacts of a source are older than they should be.
    SourceStale,
    /// The last run of a source failed.
    RunFailed,
    /// The last run of a source was refused by its guard or by the limits.
    RunRefused,
    /// A source is on and was never synchronised.
    NeverSynced,
    /// An inbound route asks for a phonebook that nobody is in.
    RouteWithoutContacts,
    /// A mail or webhook could not be sent.
    NotificationFailing,
}

impl WarningKind {
    /// All of them.
    pub const ALL: [WarningKind; 11] = [
        WarningKind::NothingToServe,
        WarningKind::StoreDamaged,
        WarningKind::StoreNotReady,
        WarningKind::SettingsLeftOut,
        WarningKind::DiskLow,
        WarningKind::SourceStale,
        WarningKind::RunFailed,
        WarningKind::RunRefused,
        WarningKind::NeverSynced,
        WarningKind::RouteWithoutContacts,
        WarningKind::NotificationFailing,
    ];

    /// The name shown, such as `source_stale`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            WarningKind::NothingToServe => "nothing_to_serve",
            WarningKind::StoreDamaged => "store_damaged",
            WarningKind::StoreNotReady => "store_not_ready",
            WarningKind::SettingsLeftOut => "settings_left_out",
            WarningKind::DiskLow => "disk_low",
            WarningKind::SourceStale => "source_stale",
            WarningKind::RunFailed => "run_failed",
            WarningKind::RunRefused => "run_refused",
            WarningKind::NeverSynced => "never_synced",
            WarningKind::RouteWithoutContacts => "route_without_contacts",
            WarningKind::NotificationFailing => "notification_failing",
        }
    }
}

/// Less than this is too little, however small the store is.
const LEAST_FREE_BYTES: u64 = 256 * 1024 * 1024;

/// A run may write as much again as the store has, twice: staged, and in the write-ahead log.
const FREE_STORES: u64 = 2;

impl DiskSpace {
    /// How much should be free, so that a run that changes everything can be written.
    #[must_use]
    pub fn needed(self) -> u64 {
        self.store.saturating_mul(FREE_STORES).max(LEAST_FREE_BYTES)
    }
}

/// One word for all warnings.
pub(super) fn health(status: &Status) -> Health {
    match status.warnings.first().map(|warning| warning.kind) {
        None => Health::Healthy,
        Some(WarningKind::NothingToServe) => Health::NotServing,
        Some(_) => Health::Degraded,
    }
}

/// Everything that is wrong, the worst first.
pub(super) fn warnings(
    status: &Status,
    out_of_service: Option<&OutOfService>,
    objection: Option<&str>,
    pending: &[Notification],
    routes: Vec<RouteWarning>,
) -> Vec<Warning> {
    let mut found = Vec::new();
    let mut warn = |kind, subject: &str, message: String, remedy: String| {
        found.push(Warning { kind, subject: subject.to_owned(), message, remedy });
    };
    if status.generation == Generation::NONE {
        warn(
            WarningKind::NothingToServe,
            "",
            "there are no phonebooks yet, so no call is answered".into(),
            "apply settings (ringroute apply -f settings.toml), then synchronise (ringroute sync run SOURCE)"
                .into(),
        );
    }
    if let Some(out_of_service) = out_of_service {
        let (kind, what, remedy) = match out_of_service {
            OutOfService::Damaged(detail) => (
                WarningKind::StoreDamaged,
                format!("the store is damaged ({detail})"),
                "stop the server, put a backup in its place (ringroute restore BACKUP --data-folder FOLDER), start it \
                 again",
            ),
            OutOfService::NotReady(detail) => (
                WarningKind::StoreNotReady,
                format!("the store cannot be read or written ({detail})"),
                "put that right; if it was so at the start already, start the server again",
            ),
        };
        let message = format!(
            "{what}: calls are answered from the last good generation, and nothing can be changed or synchronised"
        );
        warn(kind, "", message, remedy.into());
    }
    if let Some(objection) = objection {
        warn(
            WarningKind::SettingsLeftOut,
            "",
            format!("settings that an older version stored are against a rule of this one: {objection}"),
            "put that right first: every other edit is refused because of it".into(),
        );
    }
    if let Some(disk) = status.disk
        && disk.free < disk.needed()
    {
        let megabytes = |bytes: u64| bytes / (1024 * 1024);
        warn(
            WarningKind::DiskLow,
            "",
            format!(
                "the disk of the data folder has {} MB free; a run may need {} MB",
                megabytes(disk.free),
                megabytes(disk.needed())
            ),
            "make room on that disk; calls go on being answered, but runs and edits fail when it is full"
                .into(),
        );
    }
    for source in status.sources.iter().filter(|source| source.enabled) {
        of_source(source, &mut warn);
    }
    let without_contacts =
        [RouteWarningKind::MissingPhonebook, RouteWarningKind::EmptyPhonebook, RouteWarningKind::NeverSynced];
    for route in routes {
        let (kind, remedy) = match route.kind {
            RouteWarningKind::LeftOut => (
                WarningKind::SettingsLeftOut,
                "calls are answered without it until it is changed: in the console, or in the settings' file that is \
                 applied then",
            ),
            kind if without_contacts.contains(&kind) => (
                WarningKind::RouteWithoutContacts,
                "synchronise the source that fills it, or change the route; ringroute check says more",
            ),
            _ => continue,
        };
        let message = match route.route.as_str() {
            "" => route.message,
            name => format!("inbound route {name:?}: {}", route.message),
        };
        warn(kind, &route.route, message, remedy.into());
    }
    let of_last_runs = status.sources.iter().filter_map(|source| source.last_run.as_ref());
    let given_up = of_last_runs
        .flat_map(|run| &run.notifications)
        .filter(|notification| notification.state == NotificationState::NotSent);
    let waiting = pending.iter().filter(|notification| notification.attempts > 0);
    for channel in [Channel::Email, Channel::Webhook] {
        let is_of_channel = |notification: &&Notification| notification.channel == channel;
        let failing: Vec<_> = waiting.clone().chain(given_up.clone()).filter(is_of_channel).collect();
        let Some(last) = failing.last() else { continue };
        let (what, remedy) = match channel {
            Channel::Email => ("mails", "check [mail] in ringroute.toml and the mail server"),
            Channel::Webhook => {
                ("webhooks", "check notify.webhook of the source and the server that it names")
            }
        };
        warn(
            WarningKind::NotificationFailing,
            "",
            format!("{} {what} about runs could not be sent: {}", failing.len(), last.last_error),
            format!("{remedy}; ringroute sync show RUN says what became of each"),
        );
    }
    found.sort_by_key(|warning| warning.kind);
    found
}

fn of_source(source: &SourceStatus, warn: &mut impl FnMut(WarningKind, &str, String, String)) {
    let SourceStatus { name, last_run, last_succeeded_at, is_stale, .. } = source;
    if let Some(run) = last_run {
        let kind = match run.state {
            RunState::Failed => Some(WarningKind::RunFailed),
            RunState::Refused => Some(WarningKind::RunRefused),
            RunState::Running | RunState::Succeeded | RunState::Cancelled => None,
        };
        if let Some(kind) = kind {
            let ended = if kind == WarningKind::RunFailed { "failed" } else { "was refused" };
            let remedy = match kind {
                WarningKind::RunRefused => {
                    "what the guard holds back, a preview can allow; all else has to be put right first"
                }
                _ => "put that right, then synchronise",
            };
            let command = match kind {
                WarningKind::RunRefused => "ringroute sync preview",
                _ => "ringroute sync run",
            };
            warn(
                kind,
                name,
                format!("the last run of source {name:?} (run {}) {ended}: {}", run.id, run.failure),
                format!("{remedy}: {command} {name:?}; until then the contacts stay as they were"),
            );
        }
    }
    match last_succeeded_at {
        Some(last) if *is_stale => warn(
            WarningKind::SourceStale,
            name,
            format!("source {name:?} was last synchronised at {last:.0}, and was due twice since then"),
            format!(
                "see why runs fail (ringroute sync history), then synchronise: ringroute sync run {name:?}"
            ),
        ),
        None if last_run.is_none() && source.running.is_none() => warn(
            WarningKind::NeverSynced,
            name,
            format!("source {name:?} was never synchronised"),
            format!("synchronise it: ringroute sync run {name:?}"),
        ),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Occasion;
    use crate::sync::{RunKind, SyncRun};
    use jiff::Timestamp;

    fn status() -> Status {
        Status {
            version: "",
            started_at: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            health: Health::Healthy,
            warnings: Vec::new(),
            generation: Generation(1),
            generation_made_at: None,
            contacts: 0,
            numbers: 0,
            phonebooks: 0,
            inbound_routes: 0,
            snapshot_bytes: 0,
            sources: Vec::new(),
            pending_notifications: 0,
            disk: None,
        }
    }

    fn source(state: Option<RunState>) -> SourceStatus {
        let run = |state| {
            let mut run = SyncRun::begin("crm", RunKind::Sync, "test", Timestamp::UNIX_EPOCH);
            (run.state, run.failure) = (state, "because".into());
            run
        };
        SourceStatus {
            name: "crm".into(),
            enabled: true,
            last_run: state.map(run),
            last_succeeded_at: Some(Timestamp::UNIX_EPOCH),
            is_stale: false,
            next_run_at: None,
            running: None,
        }
    }

    fn kinds(status: &Status, pending: &[Notification], routes: Vec<RouteWarning>) -> Vec<WarningKind> {
        let found = warnings(status, None, None, pending, routes);
        assert!(found.iter().all(|warning| !warning.message.is_empty() && !warning.remedy.is_empty()));
        found.into_iter().map(|warning| warning.kind).collect()
    }

    #[test]
    fn nothing_wrong_is_healthy() {
        let sources = vec![source(Some(RunState::Succeeded)), source(Some(RunState::Cancelled))];
        let disk = Some(DiskSpace { free: LEAST_FREE_BYTES, store: 1 });
        let status = Status { sources, disk, ..status() };
        assert_eq!(kinds(&status, &[], Vec::new()), []);
        assert_eq!(health(&status), Health::Healthy);
    }

    #[test]
    fn the_worst_comes_first_and_decides() {
        let stale = SourceStatus { is_stale: true, ..source(Some(RunState::Failed)) };
        let mut all = Status { generation: Generation::NONE, sources: vec![stale], ..status() };
        let expected = [WarningKind::NothingToServe, WarningKind::SourceStale, WarningKind::RunFailed];
        assert_eq!(kinds(&all, &[], Vec::new()), expected);
        all.warnings = warnings(&all, None, None, &[], Vec::new());
        assert_eq!(health(&all), Health::NotServing);
        all.warnings.remove(0);
        assert_eq!(health(&all), Health::Degraded);
    }

    #[test]
    fn a_source_that_is_off_worries_nobody() {
        let off = SourceStatus { enabled: false, is_stale: true, ..source(Some(RunState::Failed)) };
        assert_eq!(kinds(&Status { sources: vec![off], ..status() }, &[], Vec::new()), []);
    }

    #[test]
    fn a_refused_run_and_one_that_never_was_are_told_apart() {
        let refused = source(Some(RunState::Refused));
        let never = SourceStatus { last_succeeded_at: None, ..source(None) };
        let running = SourceStatus { running: Some(crate::sync::RunId(1)), ..never.clone() };
        let of = |source: SourceStatus| kinds(&Status { sources: vec![source], ..status() }, &[], Vec::new());
        assert_eq!(of(refused), [WarningKind::RunRefused]);
        assert_eq!(of(never), [WarningKind::NeverSynced]);
        assert_eq!(of(running), [], "its first run is under way");
    }

    #[test]
    fn a_store_that_cannot_be_used_is_a_worry_while_calls_are_answered() {
        let mut status = status();
        for (why, kind, remedy) in [
            (OutOfService::Damaged("page 7".into()), WarningKind::StoreDamaged, "ringroute restore"),
            (OutOfService::NotReady("page 7".into()), WarningKind::StoreNotReady, "put that right"),
        ] {
            status.warnings = warnings(&status, Some(&why), None, &[], Vec::new());
            assert_eq!(status.warnings[0].kind, kind);
            assert!(status.warnings[0].message.contains("page 7"));
            assert!(status.warnings[0].remedy.contains(remedy));
            assert_eq!(health(&status), Health::Degraded);
        }
    }

    #[test]
    fn a_disk_is_low_when_a_run_may_not_fit() {
        let gigabyte = 1024 * 1024 * 1024;
        for (free, store, is_low) in [
            (2 * gigabyte, gigabyte, false),
            (2 * gigabyte - 1, gigabyte, true),
            (LEAST_FREE_BYTES, 0, false),
            (LEAST_FREE_BYTES - 1, 0, true),
        ] {
            let disk = Some(DiskSpace { free, store });
            let found = kinds(&Status { disk, ..status() }, &[], Vec::new());
            assert_eq!(found == [WarningKind::DiskLow], is_low, "{free} {store}");
        }
    }

    #[test]
    fn only_routes_that_nobody_can_take_are_a_worry() {
        let route = |kind| RouteWarning { route: "sales".into(), kind, message: "so".into() };
        let found = kinds(
            &status(),
            &[],
            vec![route(RouteWarningKind::Shadowed), route(RouteWarningKind::NoCatchAll)],
        );
        assert_eq!(found, []);
        let found = kinds(&status(), &[], vec![route(RouteWarningKind::EmptyPhonebook)]);
        assert_eq!(found, [WarningKind::RouteWithoutContacts]);
    }

    #[test]
    fn mails_that_wait_for_their_first_attempt_are_no_worry() {
        let notification = |attempts, state| Notification {
            channel: Channel::Email,
            target: "ops@example.com".into(),
            occasion: Occasion::Failure,
            state,
            attempts,
            last_error: "refused".into(),
        };
        let waiting = notification(0, NotificationState::Pending);
        assert_eq!(kinds(&status(), &[waiting], Vec::new()), []);
        let failing = notification(1, NotificationState::Pending);
        assert_eq!(kinds(&status(), &[failing], Vec::new()), [WarningKind::NotificationFailing]);
        let mut given_up = source(Some(RunState::Succeeded));
        if let Some(run) = &mut given_up.last_run {
            run.notifications = vec![notification(5, NotificationState::NotSent)];
        }
        let status = Status { sources: vec![given_up], ..status() };
        assert_eq!(kinds(&status, &[], Vec::new()), [WarningKind::NotificationFailing]);
    }
}
