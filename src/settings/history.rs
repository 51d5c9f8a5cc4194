//! How much is kept of what runs changed, so that it can be looked at and taken back.

use serde::{Deserialize, Serialize};

use super::DocumentError;

/// Most runs of a source whose changes can be kept.
pub const MAX_HISTORY_RUNS: u32 = 1000;
/// Most space that the changes of all runs together may take, in MiB.
pub const MAX_HISTORY_MEGABYTES: u32 = 1_000_000;

/// How much is kept of what runs changed. Whatever comes first, the oldest runs' changes go first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HistorySettings {
    /// For each source, the changes of so many runs that changed something; 0 keeps none.
    pub runs: u32,
    /// For all sources together, so many MiB of changes.
    pub megabytes: u32,
}

impl Default for HistorySettings {
    fn default() -> Self {
        // Half a million contacts that all change take about a third of this.
        HistorySettings { runs: 20, megabytes: 1024 }
    }
}

impl HistorySettings {
    pub(super) fn is_default(&self) -> bool {
        *self == HistorySettings::default()
    }

    /// The space in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.megabytes) * 1024 * 1024
    }

    pub(super) fn validate(&self) -> Result<(), DocumentError> {
        for (key, found, most) in
            [("runs", self.runs, MAX_HISTORY_RUNS), ("megabytes", self.megabytes, MAX_HISTORY_MEGABYTES)]
        {
            if found > most {
                return Err(DocumentError::Invalid {
                    field: format!("history.{key}"),
                    problem: format!("{found} is not 0 to {most}"),
                });
            }
        }
        Ok(())
    }
}
