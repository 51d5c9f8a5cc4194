//! What is told, whatever a source or a person wrote.

use super::*;
use crate::engine::RunNews;
use crate::settings::Occasion;
use crate::store::ProblemReason;
use crate::sync::{RunCounts, RunId, RunKind, RunState, SyncRun};

const HOSTILE: &str = "\r\nBcc: all@example.com\r\n\r\n<script>alert('x')</script>&\u{7}";

fn news(state: RunState) -> RunNews {
    let began = "2026-01-10T02:00:00Z".parse().unwrap();
    let run = SyncRun {
        id: RunId(12),
        state,
        finished_at: Some("2026-01-10T02:01:02.34Z".parse().unwrap()),
        counts: RunCounts { rows: 10, added: 3, unchanged: 5, rejected: 2, ..RunCounts::default() },
        failure: if state == RunState::Succeeded { String::new() } else { format!("broken{HOSTILE}") },
        warnings: vec![format!("look{HOSTILE}")],
        ..SyncRun::begin(&format!("o'crm{HOSTILE}"), RunKind::Sync, &format!("grpc{HOSTILE}"), began)
    };
    let reasons =
        vec![ProblemReason { column: format!("tel{HOSTILE}"), reason: format!("no{HOSTILE}"), count: 2 }];
    RunNews { run, reasons, webhook: None }
}

fn report(news: &RunNews, occasion: Occasion) -> Report<'_> {
    Report { id: 7, occasion, news }
}

#[test]
fn a_subject_is_one_line() {
    let news = news(RunState::Failed);
    let subject = report(&news, Occasion::Failure).subject();
    assert!(!subject.chars().any(char::is_control), "{subject:?}");
    assert!(subject.starts_with("[Ringroute] o'crm"), "{subject}");
    assert!(subject.ends_with("could not be synchronised (run 12)"), "{subject}");
}

#[test]
fn html_has_no_markup_but_its_own() {
    for state in [RunState::Failed, RunState::Refused, RunState::Succeeded, RunState::Cancelled] {
        let news = news(state);
        let html = report(&news, Occasion::Always).html();
        assert!(!html.contains("<script") && !html.contains('\u{7}'), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("&amp;"), "{html}");
    }
}

#[test]
fn a_text_has_no_lines_but_its_own() {
    let news = news(RunState::Failed);
    let text = report(&news, Occasion::Failure).text();
    assert!(text.lines().all(|line| !line.starts_with("Bcc:") && !line.contains('\u{7}')), "{text}");
}

#[test]
fn each_outcome_says_what_to_do_next() {
    let text = |state, occasion| report(&news(state), occasion).text();
    let failed = text(RunState::Failed, Occasion::Failure);
    assert!(failed.contains("broken") && failed.contains("Duration: 62.3 s"), "{failed}");
    assert!(failed.contains(r"ringroute sync run 'o'\''crm"), "{failed}");
    assert!(failed.contains("Changed: nothing") && !failed.contains("Added"), "{failed}");
    let refused = text(RunState::Refused, Occasion::Refusal);
    assert!(
        refused.contains("ringroute sync preview 'o") && refused.contains("--allow-preview NUMBER"),
        "{refused}"
    );
    let recovered = text(RunState::Succeeded, Occasion::Recovery);
    assert!(recovered.contains("is synchronised again."), "{recovered}");
    for expected in ["Contacts synchronised: 8", "Added: 3", "Unchanged: 5", "Rows rejected: 2", "2 × tel"] {
        assert!(recovered.contains(expected), "{expected}: {recovered}");
    }
    assert!(recovered.contains("ringroute sync show 12 --problems"), "{recovered}");
    assert!(!recovered.contains("ringroute sync run"), "{recovered}");
}

#[test]
fn an_error_that_is_recorded_is_short_and_on_one_line() {
    assert_eq!(on_one_line(" a\r\nb\u{1b}[0m ", 100), "a  b [0m");
    assert_eq!(on_one_line(&"x".repeat(1000), 500).len(), 500);
}
