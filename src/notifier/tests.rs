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
fn a_rollback_is_told_as_one() {
    let rolled_back = |state| {
        let news = news(state);
        let run = SyncRun { kind: RunKind::Rollback, to_before: Some(RunId(8)), ..news.run };
        RunNews { run, reasons: Vec::new(), webhook: None }
    };
    for (state, occasion, expected) in [
        (RunState::Succeeded, Occasion::Always, "was rolled back to before run 8"),
        (RunState::Failed, Occasion::Failure, "could not be rolled back"),
        (RunState::Refused, Occasion::Refusal, "was refused"),
        (RunState::Cancelled, Occasion::Always, "was cancelled"),
    ] {
        let news = rolled_back(state);
        let (subject, text) = (report(&news, occasion).subject(), report(&news, occasion).text());
        assert!(subject.ends_with(&format!("{expected} (run 12)")), "{subject}");
        assert!(!text.contains("ynchronis") && !text.contains("Rows read"), "{text}");
        assert!(!text.contains("ringroute sync run") && !text.contains("sync preview"), "{text}");
        let is_undone = matches!(state, RunState::Failed | RunState::Refused);
        assert_eq!(text.contains("ringroute sync rollback 8"), is_undone, "{text}");
    }
}

#[test]
fn a_program_is_told_what_kind_of_run_it_was() {
    for (kind, expected) in [(RunKind::Sync, "sync"), (RunKind::Rollback, "rollback")] {
        let mut news = news(RunState::Succeeded);
        news.run.kind = kind;
        let body = report(&news, Occasion::Always).json();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["kind"], expected, "{body}");
    }
}

#[test]
fn what_a_clock_that_was_set_back_put_off_is_due() {
    let now: Timestamp = "2026-01-10T02:00:00Z".parse().unwrap();
    let is_due = |seconds: i64| is_due(now + jiff::SignedDuration::from_secs(seconds), now);
    assert!(is_due(-1) && is_due(0));
    // As far ahead as an attempt is ever put off.
    for wait in BACK_OFF {
        assert!(!is_due(wait.as_secs().cast_signed()), "{wait:?}");
    }
    assert!(is_due(365 * 24 * 3600));
}

#[test]
fn an_error_that_is_recorded_is_short_and_on_one_line() {
    assert_eq!(on_one_line(" a\r\nb\u{1b}[0m ", 100), "a  b [0m");
    assert_eq!(on_one_line(&"x".repeat(1000), 500).len(), 500);
}
