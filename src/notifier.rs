//! Tells people and programs what runs came to: by email, and by webhook.
//!
//! * Who is to be told is noted with the run's record, in the same transaction ([`crate::store`]); so what was noted
//!   is told, or recorded as not told, whatever happens to the process in between. A run never waits for it.
//! * One pass looks at what is pending and starts what is due, a few at a time, each with a bound. It runs when a
//!   run has ended, when the next attempt is due, and when one has come to an end.
//! * What does not work is tried again after [`BACK_OFF`], then given up; what can never work is given up at once. What
//!   is older than [`MAX_AGE`], because no server was running, say, is given up too: nobody is helped by it.
//! * It is told at least once: a process that ends between sending and recording sends again. The mail's Message-ID
//!   and the webhook's notification number are the same then.

mod failure;
mod mail;
mod report;
mod shown;
#[cfg(test)]
mod tests;
mod tls;
mod trial;
mod webhook;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{MailConfig, WebhookConfig};
use crate::engine::{Engine, EngineError};
use crate::store::PendingNotification;
use crate::sync::{Channel, Notification, NotificationState};

use report::Report;

pub use failure::FailureKind;
pub use shown::ShownMailServer;
pub use trial::{Trial, TrialFailure};

/// How long to wait after each attempt that did not work; after the last, it is given up.
pub const BACK_OFF: [Duration; 4] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
];

/// The longest of these.
const LONGEST_BACK_OFF: Duration = BACK_OFF[BACK_OFF.len() - 1];

/// Older news is told to nobody.
pub const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// How soon what could not be read is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// How many are told at the same time.
const MAX_AT_ONCE: usize = 8;

/// How long attempts under way may go on after the process was told to stop.
const STOP_TIME: Duration = Duration::from_secs(5);

/// Longest error that is recorded, in characters.
const MAX_ERROR_CHARACTERS: usize = 500;

/// How people and programs are reached.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// The mail server; without one, nobody is told by email.
    pub mail: Option<MailConfig>,
    /// How webhooks are reached.
    pub webhook: WebhookConfig,
}

impl Ways {
    /// Whether the certificates that are named can be read, as they are before something is sent. Blocks.
    pub fn check_certificates(&self) -> Result<(), String> {
        let mail = self.mail.as_ref().and_then(|mail| mail.ca_file.as_deref());
        for (of, file) in [("mail", mail), ("webhook", self.webhook.ca_file.as_deref())] {
            if file.is_some() {
                tls::client(file).map_err(|problem| format!("{of}.{problem}"))?;
            }
        }
        Ok(())
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Attempt {
    /// It was taken.
    Sent,
    /// It may work later.
    Later(String),
    /// It will never work.
    Never(String),
}

/// Tells what is to be told, until `stop`. What is under way then has a little time to come to its end; the rest
/// stays pending for the next process.
pub async fn run(
    engine: Arc<Engine>,
    ways: watch::Receiver<Ways>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut ended = engine.runs_ended();
    let teller = Arc::new(Teller { engine, ways, clock, at_once: Semaphore::new(MAX_AT_ONCE) });
    let mut under_way = JoinSet::new();
    // Numbers of those, and of any whose outcome could not be recorded: better told no more than told for ever.
    let mut taken = HashSet::new();
    while !stop.is_cancelled() {
        // A run that ends from here on is looked at by the next pass.
        ended.borrow_and_update();
        let now = teller.clock.now();
        let mut next = now.checked_add(RETRY).ok();
        match teller.engine.pending_notifications().await {
            Ok(pending) => {
                let (due, later): (Vec<_>, Vec<_>) = pending
                    .into_iter()
                    .filter(|pending| !taken.contains(&pending.id))
                    .partition(|pending| is_due(pending.due_at, now));
                next = later.iter().map(|pending| pending.due_at).min();
                for pending in due {
                    taken.insert(pending.id);
                    under_way.spawn(Arc::clone(&teller).tell(pending));
                }
            }
            Err(error) => tracing::error!(%error, "pending notifications could not be read; trying again"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = teller.clock.sleep_until(next.unwrap_or(Timestamp::MAX)) => {}
            // The engine is there as long as this is.
            _ = ended.changed() => {}
            Some(told) = under_way.join_next() => match told {
                Ok(Some(recorded)) => drop(taken.remove(&recorded)),
                Ok(None) => {}
                Err(defect) => tracing::error!(%defect, "a notification ended by a defect; please report this"),
            }
        }
    }
    let rest = async { while under_way.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_TIME, rest).await.is_err() {
        tracing::info!("some notifications were not sent before the stop; the next server sends them");
    }
}

/// Whether it is time for an attempt. None is put off for longer than the longest wait, so what is further ahead was put
/// off by a clock that has been set back since.
fn is_due(due_at: Timestamp, now: Timestamp) -> bool {
    due_at <= now || now.checked_add(LONGEST_BACK_OFF).is_ok_and(|furthest| due_at > furthest)
}

struct Teller {
    engine: Arc<Engine>,
    ways: watch::Receiver<Ways>,
    clock: Arc<dyn Clock>,
    at_once: Semaphore,
}

impl Teller {
    /// Makes one attempt, and records what came of it. Returns the number if that was possible.
    async fn tell(self: Arc<Self>, pending: PendingNotification) -> Option<i64> {
        // The semaphore is never closed.
        let _turn = self.at_once.acquire().await;
        let PendingNotification { id, run, mut notification, .. } = pending;
        let attempt = match self.attempt(&notification, id, run).await {
            Ok(attempt) => attempt,
            // The run, and its notifications with it, is no longer kept.
            Err(EngineError::NotFound { .. }) => return Some(id),
            Err(error) => Attempt::Later(error.to_string()),
        };
        notification.attempts += 1;
        let due_at = self.outcome(&mut notification, attempt);
        let Notification { channel, state, attempts, .. } = notification;
        tracing::info!(%run, ?channel, ?state, attempts, error = notification.last_error, "notification");
        match self.engine.record_notification(id, notification, due_at).await {
            Ok(()) => Some(id),
            Err(error) => {
                tracing::error!(%run, %error, "what became of a notification could not be recorded");
                None
            }
        }
    }

    async fn attempt(
        &self,
        notification: &Notification,
        id: i64,
        run: crate::sync::RunId,
    ) -> Result<Attempt, EngineError> {
        let news = self.engine.news_of(run).await?;
        let now = self.clock.now();
        let age =
            news.run.finished_at.map(|end| Duration::try_from(now.duration_since(end)).unwrap_or_default());
        if age.is_some_and(|age| age > MAX_AGE) {
            return Ok(Attempt::Never("not sent within a day".to_owned()));
        }
        // As they are now: they may have been put right since the attempt before.
        let ways = self.ways.borrow().clone();
        let report = Report { id, occasion: notification.occasion, news: &news };
        Ok(match notification.channel {
            Channel::Email => match &ways.mail {
                Some(server) => mail::send(server, &notification.target, &report, now).await,
                None => Attempt::Never(
                    "no mail server is configured: name one under [mail] in ringroute.toml".to_owned(),
                ),
            },
            Channel::Webhook => match &news.webhook {
                Some(webhook) => webhook::send(&ways.webhook, webhook, &report, now).await,
                None => Attempt::Never("the source has no webhook any more".to_owned()),
            },
        })
    }

    /// What is to be recorded after an attempt, and when the next one is due, if there is one.
    fn outcome(&self, notification: &mut Notification, attempt: Attempt) -> Timestamp {
        let now = self.clock.now();
        let tries_left = BACK_OFF.get(notification.attempts.saturating_sub(1) as usize);
        let (state, error) = match attempt {
            Attempt::Sent => (NotificationState::Sent, String::new()),
            Attempt::Later(error) if tries_left.is_some() => (NotificationState::Pending, error),
            Attempt::Later(error) | Attempt::Never(error) => (NotificationState::NotSent, error),
        };
        notification.state = state;
        notification.last_error = on_one_line(&error, MAX_ERROR_CHARACTERS);
        tries_left.and_then(|wait| now.checked_add(*wait).ok()).unwrap_or(Timestamp::MAX)
    }
}

/// A text without control characters, which came from somewhere else.
fn on_one_line(text: &str, most: usize) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(most).collect::<String>().trim().to_owned()
}
