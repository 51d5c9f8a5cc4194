//! Metrics say what happened.

use crate::company::Company;
use crate::http::value;

#[test]
fn readiness_comes_with_the_first_snapshot_and_liveness_before() {
    let company = Company::start(&[]);
    assert_eq!(company.get("/healthz"), (200, "alive\n".into()));
    let (status, why) = company.get("/readyz");
    assert_eq!((status, why.starts_with("no phonebooks yet")), (503, true), "{why}");
    assert_eq!(value(&company.metrics(), "ringroute_ready"), 0.0);
    company.fill();
    assert_eq!(company.get("/readyz"), (200, "ready\n".into()));
    assert_eq!(value(&company.metrics(), "ringroute_ready"), 1.0);
    assert_eq!(company.get("/nothing").0, 404);
}

#[test]
fn look_ups_are_counted_by_kind_and_outcome() {
    let company = Company::start(&[]);
    let (code, _) = company.try_run(&["match", "030 90182077"]);
    assert_eq!(code, 3);
    company.fill();
    for caller in ["030 90182077", "030 90182078", "030 90182079", "anonymous", "nonsense"] {
        company.run(&["match", caller]);
    }
    company.run(&["route", "030 90182077", "--did", "100"]);
    company.run(&["route", "030 90182079", "--did", "100"]);
    company.run(&["route", "030 90182077", "--did", "100", "--explain"]);
    let text = company.metrics();
    let count = |kind: &str, outcome: &str| {
        value(&text, &format!("ringroute_lookups_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}"))
    };
    for (kind, outcome, expected) in [
        ("match", "matched", 2.0),
        ("match", "not_matched", 1.0),
        ("match", "withheld", 1.0),
        ("match", "invalid", 1.0),
        ("match", "unavailable", 1.0),
        ("match", "refused", 0.0),
        ("route", "matched", 1.0),
        ("route", "not_matched", 1.0),
        ("explain", "matched", 1.0),
    ] {
        assert_eq!(count(kind, outcome), expected, "{kind} {outcome}");
    }
    assert_eq!(value(&text, "ringroute_lookup_duration_seconds_count{kind=\"match\"}"), 6.0);
    assert_eq!(value(&text, "ringroute_lookup_duration_seconds_bucket{le=\"+Inf\",kind=\"match\"}"), 6.0);
    // One truth: what `ringroute decisions --counts` tells.
    assert_eq!(value(&text, "ringroute_route_calls_total{route=\"sales\"}"), 1.0);
    assert_eq!(value(&text, "ringroute_unrouted_calls_total"), 1.0);
    assert_eq!(value(&text, "ringroute_phonebook_calls_total{phonebook=\"Sales\"}"), 1.0);
}

#[test]
fn runs_and_what_is_served_are_told() {
    let company = Company::start(&[]);
    company.fill();
    company.run(&["sync", "preview", "crm"]);
    std::fs::rename(company.database(), company.folder.path().join("away")).unwrap();
    assert_eq!(company.try_run(&["sync", "run", "crm"]).0, 1);
    let text = company.metrics();
    let of_source = |name: &str, labels: &str| value(&text, &format!("{name}{{source=\"crm\"{labels}}}"));
    let runs = "ringroute_sync_runs_total";
    assert_eq!(of_source(runs, ",kind=\"sync\",result=\"succeeded\""), 1.0);
    assert_eq!(of_source(runs, ",kind=\"sync\",result=\"failed\""), 1.0);
    assert_eq!(of_source(runs, ",kind=\"preview\",result=\"succeeded\""), 1.0);
    // Walburga has no number.
    assert_eq!(of_source("ringroute_sync_rows_total", ",outcome=\"added\""), 3.0);
    assert_eq!(of_source("ringroute_sync_rows_total", ",outcome=\"rejected\""), 1.0);
    assert_eq!(of_source("ringroute_source_last_run_succeeded", ""), 0.0);
    assert!(of_source("ringroute_source_last_success_timestamp_seconds", "") > 1.7e9);
    assert_eq!(value(&text, "ringroute_warnings{kind=\"run_failed\"}"), 1.0);
    assert_eq!(value(&text, "ringroute_contacts"), 3.0);
    assert_eq!(value(&text, "ringroute_phonebook_contacts{phonebook=\"Sales\"}"), 2.0);
    assert_eq!(value(&text, "ringroute_phonebook_numbers{phonebook=\"Support\"}"), 1.0);
    assert!(
        value(&text, "ringroute_generation_timestamp_seconds")
            >= value(&text, "ringroute_start_time_seconds")
    );
    assert!(value(&text, "ringroute_snapshot_bytes") > 0.0);
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);
    assert!(value(&text, "process_open_fds") > 3.0);
}

/// Promtool reads what we say as Prometheus does. Without it, this is shown where it is there.
#[test]
fn prometheus_itself_accepts_the_metrics() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let company = Company::start(&[]);
    // A name that has to be escaped.
    let settings = crate::company::settings(&company.database()).replace("\"sales\"", r#""sa\"l\\es""#);
    company.apply(&settings);
    company.run(&["sync", "run", "crm"]);
    let text = company.metrics();
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert!(text.contains(r#"ringroute_route_calls_total{route="sa\"l\\es"} 0"#), "{text}");
    let mut command = Command::new("promtool");
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = command.spawn() else { return };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!said.contains("error while linting"), "{said}");
}

#[test]
fn who_only_watches_can_do_nothing_else() {
    let company = Company::start(&[]);
    company.fill();
    // Neither gRPC nor anything that changes something is there.
    for path in ["/ringroute.v1.SettingsService/ExportSettings", "/config", "/debug"] {
        assert_eq!(company.get(path).0, 404, "{path}");
    }
    let text = company.metrics();
    for (_, first, last, number, _) in crate::company::PEOPLE {
        assert!(!text.contains(first) && !text.contains(last) && !text.contains(number), "{text}");
    }
}
