//! Notifications <-> the contract's.

use crate::api::grpc::request::bad;
use crate::api::proto::v1;
use crate::engine::EngineError;
use crate::secret::Secret;
use crate::settings::{Notify, Occasion, Webhook};
use crate::sync::{Channel, Notification, NotificationState};

/// `None` where nobody is told anything and nothing else is said.
pub(super) fn to_proto(notify: Notify) -> Option<v1::Notify> {
    if notify == Notify::default() {
        return None;
    }
    let Notify { email, webhook, when } = notify;
    Some(v1::Notify {
        email: email.to_string(),
        webhook: webhook.map(|Webhook { url, secret }| v1::Webhook {
            url: url.to_string(),
            secret: secret.shown().to_owned(),
        }),
        when: when.into_iter().map(|when| occasion(when).into()).collect(),
    })
}

/// The secret is checked with the settings as a whole.
pub(super) fn from_proto(notify: v1::Notify) -> Result<Notify, EngineError> {
    let v1::Notify { email, webhook, when } = notify;
    let webhook = webhook.map(|v1::Webhook { url, secret }| {
        let url = url.parse().map_err(|problem: String| bad("source.notify.webhook.url", problem))?;
        Ok::<_, EngineError>(Webhook { url, secret: Secret::new(secret) })
    });
    let when = when.into_iter().map(occasion_from).collect::<Result<Vec<_>, _>>()?;
    Ok(Notify {
        email: email.parse().map_err(|problem: String| bad("source.notify.email", problem))?,
        webhook: webhook.transpose()?,
        when: if when.is_empty() { Notify::default().when } else { when },
    })
}

fn occasion(occasion: Occasion) -> v1::NotifyOccasion {
    match occasion {
        Occasion::Always => v1::NotifyOccasion::Always,
        Occasion::Failure => v1::NotifyOccasion::Failure,
        Occasion::Refusal => v1::NotifyOccasion::Refusal,
        Occasion::Recovery => v1::NotifyOccasion::Recovery,
    }
}

fn occasion_from(occasion: i32) -> Result<Occasion, EngineError> {
    Ok(match v1::NotifyOccasion::try_from(occasion).unwrap_or_default() {
        v1::NotifyOccasion::Always => Occasion::Always,
        v1::NotifyOccasion::Failure => Occasion::Failure,
        v1::NotifyOccasion::Refusal => Occasion::Refusal,
        v1::NotifyOccasion::Recovery => Occasion::Recovery,
        v1::NotifyOccasion::Unspecified => {
            return Err(bad("source.notify.when", format!("{occasion} is not an occasion")));
        }
    })
}

pub(super) fn notification(notification: Notification) -> v1::Notification {
    let Notification { channel, target, occasion: why, state, attempts, last_error } = notification;
    let channel = match channel {
        Channel::Email => v1::NotificationChannel::Email,
        Channel::Webhook => v1::NotificationChannel::Webhook,
    };
    let state = match state {
        NotificationState::Pending => v1::NotificationState::Pending,
        NotificationState::Sent => v1::NotificationState::Sent,
        NotificationState::NotSent => v1::NotificationState::NotSent,
    };
    v1::Notification {
        channel: channel.into(),
        target,
        occasion: occasion(why).into(),
        state: state.into(),
        attempts,
        last_error,
    }
}
