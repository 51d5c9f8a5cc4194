//! The number that says which state of the world an answer was made from.

use std::fmt;

/// Monotonic number of a published snapshot.
///
/// It starts at 1 with the first commit of a data folder and grows by one with every commit that can
/// change an answer, be it a sync run or an edited inbound route. It is stored in the same transaction
/// as the change itself, so it goes on where it was after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The generation of an empty data folder, before its first commit; never published.
    pub const NONE: Generation = Generation(0);

    /// The generation that follows this one.
    #[must_use]
    pub fn next(self) -> Generation {
        Generation(self.0 + 1)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
