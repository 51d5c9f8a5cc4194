//! The counts of a known good state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::callgrind;
use crate::cases::Case;

/// A case may take so much more, in percent, before it is taken for a loss. A change anywhere in the crate moves the
/// borders of the units that are compiled apart, and with them what is inlined: a match has been seen to move by 7.
const TOLERANCE: f64 = 10.0;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions/counts.toml");

const RECORD: &str = "`.ci/instructions --record`";

/// What is in the file.
#[derive(Serialize, Deserialize)]
pub(crate) struct Recorded {
    surroundings: Surroundings,
    /// By name of the case, instructions an operation.
    instructions: BTreeMap<String, u64>,
}

/// What counts depend on beside the program.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Surroundings {
    rustc: String,
    valgrind: String,
    architecture: String,
    /// Libraries choose their instructions by what the processor can do; valgrind's can do no more than the real one.
    has_avx2: bool,
}

impl Surroundings {
    pub(crate) fn here(valgrind: String) -> Self {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let said = Command::new(rustc).arg("--version").output().unwrap().stdout;
        #[cfg(target_arch = "x86_64")]
        let has_avx2 = std::arch::is_x86_feature_detected!("avx2");
        #[cfg(not(target_arch = "x86_64"))]
        let has_avx2 = false;
        Surroundings {
            rustc: String::from_utf8(said).unwrap().trim().to_owned(),
            valgrind,
            architecture: std::env::consts::ARCH.to_owned(),
            has_avx2,
        }
    }
}

impl fmt::Display for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Surroundings { rustc, valgrind, architecture, has_avx2 } = self;
        let avx2 = if *has_avx2 { "with" } else { "without" };
        write!(f, "{rustc}, {valgrind}, {architecture} {avx2} AVX2")
    }
}

impl Recorded {
    pub(crate) fn of(surroundings: Surroundings, cases: &[Case<'_>], counts: &[u64]) -> Self {
        let instructions = cases.iter().zip(counts).map(|(case, count)| (case.name.to_owned(), *count));
        Recorded { surroundings, instructions: instructions.collect() }
    }

    pub(crate) fn read() -> Self {
        toml::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap()
    }

    pub(crate) fn write(&self) {
        let told = format!(
            "# Instructions an operation, and what they were counted with. Written by {RECORD}, never by hand.\n\n{}",
            toml::to_string(self).unwrap()
        );
        std::fs::write(FILE, told).unwrap();
    }

    pub(crate) fn of_case(&self, case: &Case<'_>) -> Option<u64> {
        self.instructions.get(case.name).copied()
    }

    /// By how many percent `now` is more than what is recorded.
    pub(crate) fn change(&self, case: &Case<'_>, now: u64) -> Option<f64> {
        Some((now as f64 / self.of_case(case)? as f64 - 1.0) * 100.0)
    }

    /// Cases that are not recorded, or recorded and no longer there.
    pub(crate) fn unlike(&self, cases: &[Case<'_>]) -> Vec<String> {
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
        let recorded: BTreeSet<&str> = self.instructions.keys().map(String::as_str).collect();
        let new = names.difference(&recorded).map(|name| format!("{name:?} is not recorded: run {RECORD}"));
        let gone =
            recorded.difference(&names).map(|name| format!("there is no {name:?} any more: run {RECORD}"));
        new.chain(gone).collect()
    }

    /// What is wrong with these counts. Prints what else there is to say of them.
    pub(crate) fn judge(&self, here: &Surroundings, cases: &[Case<'_>], counts: &[u64]) -> Vec<String> {
        let mut problems = self.unlike(cases);
        if self.surroundings != *here {
            println!(
                "Recorded with {}; counted with {here}. Counts differ by that alone, so they are not held against \
                 each other. Record them here with {RECORD}, of a state that is known to be good.",
                self.surroundings
            );
            return problems;
        }
        for (place, (case, now)) in cases.iter().zip(counts).enumerate() {
            let Some((before, change)) = self.of_case(case).zip(self.change(case, *now)) else { continue };
            if change > TOLERANCE {
                problems.push(format!(
                    "{:?} takes {now} instructions, {change:.1} % more than the {before} recorded ({TOLERANCE} % are \
                     allowed). `callgrind_annotate {}` says where they go. If it is meant: {RECORD}",
                    case.name,
                    callgrind::profile(place).display()
                ));
            } else if change < -TOLERANCE {
                println!(
                    "{:?} takes {:.1} % less than recorded; keep that with {RECORD}",
                    case.name, -change
                );
            }
        }
        problems
    }
}
