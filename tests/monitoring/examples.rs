//! The example dashboard and alerts ask for metrics that there are.

use std::collections::BTreeSet;
use std::path::Path;

use crate::company::Company;

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/monitoring").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The names of metrics in a text: of ours, and of those of the process.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_name = |word: &&str| word.starts_with("ringroute_") || word.starts_with("process_");
    words.filter(is_name).map(str::to_owned).collect()
}

/// Every series that a server tells.
fn told() -> BTreeSet<String> {
    let company = Company::start(&[]);
    company.fill();
    let text = company.metrics();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
}

#[test]
fn dashboard_and_alerts_ask_only_for_metrics_that_there_are() {
    let told = told();
    for file in ["grafana-dashboard.json", "alerts.yml"] {
        let asked = names(&example(file));
        assert!(asked.len() > 8, "{file}: {asked:?}");
        let missing: Vec<_> = asked.difference(&told).collect();
        assert!(missing.is_empty(), "{file} asks for {missing:?}, which nobody tells");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard: serde_json::Value = serde_json::from_str(&example("grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "an id is there twice: {panel}");
        assert!(panel["title"].is_string() && panel["gridPos"].is_object(), "{panel}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(targets.iter().all(|target| target["expr"].is_string()), "{panel}");
    }
    assert!(panels.len() >= 8);
}

#[test]
fn every_alert_says_what_to_do_and_stands_in_the_page_for_operators() {
    let alerts = example("alerts.yml");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let rules: Vec<&str> = alerts.split("- alert: ").skip(1).collect();
    assert!(rules.len() >= 8);
    for rule in rules {
        let name = rule.lines().next().unwrap().trim();
        for part in ["expr:", "severity:", "summary:", "description:"] {
            assert!(rule.contains(part), "{name} has no {part}");
        }
        assert!(page.contains(&format!("`{name}`")), "docs/operations.md does not say what to do for {name}");
    }
}

/// The unit starts what the package installs, with a configuration that the program takes.
#[test]
fn package_unit_and_configuration_agree() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let configuration = root.join("packaging/debian/ringroute.toml");
    let config = ringroute::config::Config::load(Some(&configuration), []).unwrap();
    let unit = read("packaging/systemd/ringroute.service");
    let manifest = read("Cargo.toml");
    let script = read("packaging/debian/postinst");
    let data_folder = config.data_folder.to_str().unwrap();
    assert_eq!(data_folder, "/var/lib/ringroute");
    assert!(unit.contains("StateDirectory=ringroute\n") && script.contains(data_folder), "{script}");
    assert!(unit.contains("ExecStart=/usr/bin/ringroute serve --config /etc/ringroute/ringroute.toml\n"));
    assert!(manifest.contains("\"etc/ringroute/ringroute.toml\"") && manifest.contains("\"usr/bin/\""));
    assert!(unit.contains("User=ringroute\n") && script.contains("--quiet ringroute"));
    // What systemd asks of the program, the tests of signals and messages show.
    assert!(unit.contains("Type=notify\n") && unit.contains("WatchdogSec="));
    assert!(unit.contains("ExecReload=/bin/kill -HUP $MAINPID\n"));
}
