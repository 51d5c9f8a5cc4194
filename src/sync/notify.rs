//! Who is to be told of a run, and what became of that: a pure function of the settings, the run and the one before.

use serde::{Deserialize, Serialize};

use super::run::{RunKind, RunState, SyncRun};
use crate::settings::{Notify, Occasion};

/// Somebody who is told of a run, and whether that worked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// By what means.
    pub channel: Channel,
    /// An email address; of a webhook, the server.
    pub target: String,
    /// Why.
    pub occasion: Occasion,
    /// What became of it.
    pub state: NotificationState,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it did not work the last time; empty once it did.
    pub last_error: String,
}

/// By what means somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// By email.
    Email,
    /// By an HTTP request.
    Webhook,
}

/// What became of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    /// It is tried, again if need be.
    Pending,
    /// It was taken by the server that it is for.
    Sent,
    /// It is not tried again.
    NotSent,
}

/// Whom to tell of a run that ended. `before` is what the source's last sync run before it came to that was not
/// cancelled, if there was one.
#[must_use]
pub fn notifications(notify: &Notify, run: &SyncRun, before: Option<RunState>) -> Vec<Notification> {
    let Some(occasion) = occasion(notify, run, before) else { return Vec::new() };
    let pending = |channel, target| Notification {
        channel,
        target,
        occasion,
        state: NotificationState::Pending,
        attempts: 0,
        last_error: String::new(),
    };
    let emails = notify.email.iter().map(|address| pending(Channel::Email, address.to_string()));
    let webhook = notify.webhook.iter().map(|webhook| pending(Channel::Webhook, webhook.url.shown()));
    emails.chain(webhook).collect()
}

/// Why somebody wants to know, if so.
fn occasion(notify: &Notify, run: &SyncRun, before: Option<RunState>) -> Option<Occasion> {
    if run.kind == RunKind::Preview {
        return None;
    }
    let special = match (run.state, before) {
        (RunState::Running, _) => return None,
        (RunState::Failed, _) => Some(Occasion::Failure),
        (RunState::Refused, _) => Some(Occasion::Refusal),
        // Only a sync run shows that the source can be read again.
        (RunState::Succeeded, Some(RunState::Failed | RunState::Refused)) if run.kind == RunKind::Sync => {
            Some(Occasion::Recovery)
        }
        (RunState::Succeeded | RunState::Cancelled, _) => None,
    };
    match special {
        Some(special) if notify.when.contains(&special) || notify.when.contains(&Occasion::Always) => {
            Some(special)
        }
        None if notify.when.contains(&Occasion::Always) => Some(Occasion::Always),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::RunId;

    fn run(state: RunState) -> SyncRun {
        let begun = SyncRun::begin("crm", RunKind::Sync, "test", jiff::Timestamp::UNIX_EPOCH);
        SyncRun { id: RunId(2), state, ..begun }
    }

    fn told(when: &[Occasion], state: RunState, before: Option<RunState>) -> Option<Occasion> {
        occasion(&Notify { when: when.to_vec(), ..Notify::default() }, &run(state), before)
    }

    #[test]
    fn each_occasion_is_told_to_who_asked_for_it() {
        use Occasion::{Always, Failure, Recovery, Refusal};
        use RunState::{Cancelled, Failed, Refused, Running, Succeeded};
        for (state, before, special) in [
            (Failed, None, Some(Failure)),
            (Failed, Some(Failed), Some(Failure)),
            (Refused, Some(Succeeded), Some(Refusal)),
            (Succeeded, Some(Failed), Some(Recovery)),
            (Succeeded, Some(Refused), Some(Recovery)),
            (Succeeded, Some(Succeeded), None),
            (Succeeded, None, None),
            (Cancelled, Some(Failed), None),
        ] {
            for when in [Failure, Refusal, Recovery] {
                let expected = special.filter(|special| *special == when);
                assert_eq!(told(&[when], state, before), expected, "{when:?}: {state:?} after {before:?}");
            }
            assert_eq!(told(&[Always], state, before), special.or(Some(Always)));
            assert_eq!(told(&[Failure, Refusal, Recovery], state, before), special);
        }
        assert_eq!(told(&[Always], Running, None), None);
    }

    #[test]
    fn nobody_is_told_of_a_preview() {
        let notify = Notify { when: vec![Occasion::Always], ..Notify::default() };
        let preview = SyncRun { kind: RunKind::Preview, ..run(RunState::Failed) };
        assert_eq!(occasion(&notify, &preview, None), None);
    }

    #[test]
    fn a_rollback_is_no_recovery() {
        use Occasion::{Always, Failure, Recovery};
        let told = |when: &[Occasion], state, before| {
            let rollback = SyncRun { kind: RunKind::Rollback, ..run(state) };
            occasion(&Notify { when: when.to_vec(), ..Notify::default() }, &rollback, Some(before))
        };
        assert_eq!(told(&[Failure, Recovery], RunState::Succeeded, RunState::Failed), None);
        assert_eq!(told(&[Always], RunState::Succeeded, RunState::Refused), Some(Always));
        assert_eq!(told(&[Failure, Recovery], RunState::Failed, RunState::Succeeded), Some(Failure));
    }

    #[test]
    fn everybody_is_told_by_their_own_notification_without_secrets() {
        let notify: Notify = toml::from_str(
            "email = 'a@example.com; b@example.com'\nwebhook = { url = 'https://example.com:8443/key?token=x', secret = 'env:X' }",
        )
        .unwrap();
        let told = notifications(&notify, &run(RunState::Failed), None);
        let targets: Vec<_> = told.iter().map(|told| (told.channel, told.target.as_str())).collect();
        assert_eq!(
            targets,
            [
                (Channel::Email, "a@example.com"),
                (Channel::Email, "b@example.com"),
                (Channel::Webhook, "https://example.com:8443"),
            ]
        );
        assert!(notifications(&Notify::default(), &run(RunState::Failed), None).is_empty());
    }
}
