//! How old the data of a phonebook are.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// When the data of a phonebook were last known to be those of its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastSynced {
    /// Made by hand: it has no age.
    Local,
    /// Its source was never read successfully.
    Never,
    /// Its source was last read successfully then, whether or not anything was new.
    At(Timestamp),
}

impl LastSynced {
    /// Whether data are older than so many hours at that time.
    #[must_use]
    pub fn is_older_than(self, hours: u32, at: Timestamp) -> bool {
        match self {
            LastSynced::Local => false,
            LastSynced::Never => true,
            LastSynced::At(synced) => at.duration_since(synced) > SignedDuration::from_hours(hours.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_old_when_more_than_so_many_hours_have_passed() {
        let at: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let synced = |text: &str| LastSynced::At(text.parse().unwrap());
        for (last_synced, is_older) in [
            (LastSynced::Local, false),
            (LastSynced::Never, true),
            (synced("2026-11-24T11:00:00Z"), false),
            (synced("2026-11-24T10:59:59Z"), true),
            (synced("2026-11-25T12:00:00Z"), false),
        ] {
            assert_eq!(last_synced.is_older_than(1, at), is_older, "{last_synced:?}");
        }
        assert!(synced("2026-11-24T10:00:00Z").is_older_than(1, Timestamp::MAX));
    }
}
