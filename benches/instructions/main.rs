//! How many instructions the call path takes, as valgrind counts them: a number that is the same on a busy machine
//! and on an idle one, so it shows a loss that no time would show through the noise.
//!
//! The counts of a known good state are in `counts.toml`, with what they depend on. This program runs itself under
//! valgrind and compares; `--record` writes the counts anew. `.ci/instructions` is the command for both.

#![expect(clippy::unwrap_used, reason = "a bench may stop at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod callgrind;
mod cases;
mod recorded;

use std::process::ExitCode;

use cases::{Case, Company};
use recorded::{Recorded, Surroundings};
use support::Scale;
use support::report::{self, Table};

fn main() -> ExitCode {
    let given = |name: &str| std::env::args().any(|argument| argument == name);
    if given(callgrind::COUNTED) {
        cases::run(&Company::new(Scale::Full).cases());
        return ExitCode::SUCCESS;
    }
    let scale = Scale::from_arguments();
    let company = Company::new(scale);
    let cases = company.cases();
    let problems = match scale {
        Scale::Quick => {
            cases::run(&cases);
            Recorded::read().unlike(&cases)
        }
        Scale::Full => count(&cases, given("--record")),
    };
    problems.iter().for_each(|problem| eprintln!("instructions: {problem}"));
    if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Counts, tells, and says what is wrong.
fn count(cases: &[Case<'_>], is_recording: bool) -> Vec<String> {
    let Some(valgrind) = callgrind::version() else {
        println!(
            "instructions: nothing was counted, as valgrind is not installed; `.ci/instructions` does that"
        );
        return Vec::new();
    };
    let here = Surroundings::here(valgrind);
    let counts = callgrind::count(cases);
    report::heading("instructions", Scale::Full);
    if is_recording {
        Recorded::of(here.clone(), cases, &counts).write();
    }
    let recorded = Recorded::read();
    let mut table = Table::new(&["instructions an operation", "recorded", "now", "change"]);
    for (case, now) in cases.iter().zip(&counts) {
        let change = recorded.change(case, *now);
        table.row([
            case.name.to_owned(),
            recorded.of_case(case).map_or(String::new(), |before| before.to_string()),
            now.to_string(),
            change.map_or(String::new(), |change| format!("{change:+.2} %")),
        ]);
    }
    table.print();
    println!();
    recorded.judge(&here, cases, &counts)
}
