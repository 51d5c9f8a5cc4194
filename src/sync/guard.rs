//! Whether to believe what was read: a source that suddenly has nothing, or much less, is more often
//! broken than right.

use super::SyncError;
use super::run::RunCounts;
use crate::settings::GuardSettings;

/// Refuses a plan that would remove a lot, or whose source sent nothing; fails one with too many rejects.
///
/// `known` is how many contacts of the source there were before.
pub fn check(counts: &RunCounts, known: u64, settings: &GuardSettings) -> Result<(), SyncError> {
    let explained = |why: String| {
        format!(
            "{why}; nothing was changed. If this is right, preview the run and start it with the preview's id"
        )
    };
    match objection(counts, known, settings) {
        None => Ok(()),
        Some(Objection::TooManyRejects(why)) => Err(SyncError::TooManyRejects(explained(why))),
        Some(Objection::NotBelieved(why)) => Err(SyncError::Refused(explained(why))),
    }
}

/// Why a plan is held back unless somebody allows it; the numbers are in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// What was read is not believed.
    NotBelieved(String),
    /// Too much of what was read is of no use.
    TooManyRejects(String),
}

impl Objection {
    /// The text.
    #[must_use]
    pub fn why(self) -> String {
        match self {
            Objection::NotBelieved(why) | Objection::TooManyRejects(why) => why,
        }
    }
}

/// What there is to say against a plan; see [`check`].
#[must_use]
pub fn objection(counts: &RunCounts, known: u64, settings: &GuardSettings) -> Option<Objection> {
    if counts.rows == 0 {
        return Some(Objection::NotBelieved("the source returned no rows".to_owned()));
    }
    let rejected_allowed = u64::from(settings.max_rejected_percent);
    let is_much_rejected = rejected_allowed > 0 && counts.rejected * 100 > counts.rows * rejected_allowed;
    let rejects = is_much_rejected.then(|| {
        format!(
            "{} of {} rows were rejected, more than the {rejected_allowed} % that guard.max_rejected_percent allows",
            counts.rejected, counts.rows
        )
    });
    let percent = u64::from(settings.max_removed_percent);
    let contacts = settings.max_removed_contacts;
    let is_on = percent > 0 && contacts > 0;
    let is_much_removed = is_on && counts.removed > contacts && counts.removed * 100 > known * percent;
    let removals = is_much_removed.then(|| {
        format!(
            "{} of the source's {known} contacts would be removed, more than {contacts} and more than {percent} % \
             (guard.max_removed_contacts and guard.max_removed_percent)",
            counts.removed
        )
    });
    // Whoever allows the plan allows all of it, so all of it is said.
    match (removals, rejects) {
        (Some(removals), Some(rejects)) => Some(Objection::NotBelieved(format!("{removals}; and {rejects}"))),
        (Some(why), None) => Some(Objection::NotBelieved(why)),
        (None, Some(why)) => Some(Objection::TooManyRejects(why)),
        (None, None) => None,
    }
}
