//! `ringroute status` says what is wrong and what to do, and its exit code says so too.

use crate::company::{Company, settings};

#[test]
fn status_tells_what_to_do_at_each_step() {
    let company = Company::start(&[]);
    let (code, text) = company.try_run(&["status"]);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("Not serving") && text.contains("ringroute apply -f settings.toml"), "{text}");

    company.apply(&settings(&company.database()));
    let (code, text) = company.try_run(&["status"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("source \"crm\" was never synchronised"), "{text}");
    assert!(text.contains("ringroute sync run \"crm\""), "{text}");

    company.run(&["sync", "run", "crm"]);
    let text = company.run(&["status"]);
    assert!(text.starts_with("Healthy: "), "{text}");
    assert!(text.contains("3 contacts with 3 different numbers in 2 phonebooks; 1 inbound route"), "{text}");

    std::fs::rename(company.database(), company.folder.path().join("away")).unwrap();
    assert_eq!(company.try_run(&["sync", "run", "crm"]).0, 1);
    let (code, text) = company.try_run(&["status"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the last run of source \"crm\" (run 2) failed: "), "{text}");

    std::fs::rename(company.folder.path().join("away"), company.database()).unwrap();
    company.run(&["sync", "run", "crm"]);
    assert!(company.run(&["status"]).starts_with("Healthy: "));
}

#[test]
fn the_generation_keeps_its_age_over_a_restart() {
    let company = Company::start(&[]);
    company.fill();
    let of = |company: &Company| -> serde_json::Value {
        serde_json::from_str(&company.run(&["status", "--json"])).unwrap()
    };
    let before = of(&company);
    let Company { program, folder, .. } = company;
    program.end();
    let after = of(&Company::start_in(folder, &[]));
    assert_eq!(before["health"], "HEALTH_HEALTHY");
    assert_eq!(before["generationMadeAt"], after["generationMadeAt"]);
    assert_eq!(before["generation"], after["generation"]);
    assert_ne!(before["startedAt"], after["startedAt"]);
}

#[test]
fn a_route_that_nobody_can_take_is_told() {
    let company = Company::start(&[]);
    company.apply(&settings(&company.database()).replace("[\"Sales\"]", "[\"Partners\"]"));
    company.run(&["sync", "run", "crm"]);
    let (code, text) = company.try_run(&["status"]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("Partners"), "{text}");
}
