//! A server of a small company whose people have names that are nowhere else.

use std::path::{Path, PathBuf};

use crate::http;
use crate::program::{Program, printed};

/// Names and numbers of people, as far as they could be recognised.
pub(crate) const PEOPLE: [(i64, &str, &str, &str, &str); 4] = [
    (1, "Zebedäa", "Quastenflosser", "+49 30 90182077", "Sales"),
    (2, "Yolanthe", "Murmelbach", "030 90182078", "Support"),
    (3, "Xaver", "Wurzelsepp", "+44 20 7946 0977", "Sales"),
    (4, "Walburga", "Nirgendwo", "no number at all", "Sales"),
];

/// Every way in which a person could be recognised.
pub(crate) fn recognised_by() -> Vec<String> {
    let mut marks = Vec::new();
    for (_, first, last, number, _) in PEOPLE {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        marks.extend([first.to_owned(), last.to_owned()]);
        if !digits.is_empty() {
            // Also without the country code, in front of which a zero may be.
            let national = digits.strip_prefix("49").or(digits.strip_prefix("44")).unwrap_or(&digits);
            marks.extend([number.to_owned(), national.trim_start_matches('0').to_owned()]);
        }
    }
    marks
}

/// A server with its data folder, and metrics on a port of their own.
pub(crate) struct Company {
    pub(crate) program: Program,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) metrics: String,
}

pub(crate) fn make_database(path: &Path) {
    let database = rusqlite::Connection::open(path).unwrap();
    let make =
        "CREATE TABLE IF NOT EXISTS people (id INTEGER, first TEXT, last TEXT, tel TEXT, belongto TEXT)";
    database.execute_batch(&format!("{make}; DELETE FROM people;")).unwrap();
    for person in PEOPLE {
        database.execute("INSERT INTO people VALUES (?, ?, ?, ?, ?)", person).unwrap();
    }
}

pub(crate) fn settings(database: &Path) -> String {
    format!(
        r#"
[numbers]
default_region = "DE"

[[source]]
name = "crm"
connection = {{ sqlite = {{ path = {database:?} }} }}
sync_filter = "select ${{MAP}} from main.people order by id"
field_map = {{ key = "id", first_name = "first", last_name = "last", business_number = "tel" }}
phonebook = {{ by_property = {{ column = "belongto" }} }}

[[inbound_route]]
name = "sales"
phonebooks = ["Sales"]
destination = {{ type = "queue", target = "6400" }}
"#
    )
}

impl Company {
    /// On a new data folder, without settings.
    pub(crate) fn start(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        make_database(&folder.path().join("company.db"));
        Company::start_in(folder, environment)
    }

    pub(crate) fn start_in(folder: tempfile::TempDir, environment: &[(&str, &str)]) -> Self {
        let environment = [&[("RINGROUTE_METRICS", "127.0.0.1:0")], environment].concat();
        let mut program = Program::serve(folder.path(), &environment);
        let metrics = program.line_after("Metrics are at http://");
        let metrics = metrics.strip_suffix("/metrics").unwrap().to_owned();
        Company { metrics, program, folder }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("company.db")
    }

    /// Applies the settings.
    pub(crate) fn apply(&self, settings: &str) {
        let file = self.folder.path().join("settings.toml");
        std::fs::write(&file, settings).unwrap();
        self.run(&["apply", "-f", file.to_str().unwrap()]);
    }

    /// Applies the settings and synchronises.
    pub(crate) fn fill(&self) {
        self.apply(&settings(&self.database()));
        self.run(&["sync", "run", "crm"]);
    }

    /// What a command that succeeds prints.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let (code, text) = self.try_run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        text
    }

    /// The exit code of a command, and what it prints.
    pub(crate) fn try_run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.program.command(arguments).current_dir(self.folder.path()).output().unwrap();
        (output.status.code().unwrap(), printed(&output))
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        http::get(&self.metrics, path)
    }

    pub(crate) fn metrics(&self) -> String {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        text
    }
}
