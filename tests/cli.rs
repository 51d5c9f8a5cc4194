//! The command line, by running the program itself.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ringroute::demo::sample;
use serde_json::Value;
use tempfile::TempDir;

/// Longer than a server may take to stop, and than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn ringroute(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ringroute"));
    command.args(arguments).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("RINGROUTE_")) {
            command.env_remove(name);
        }
    }
    command
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[track_caller]
fn assert_code(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(output), stderr(output));
}

/// The one line with this text.
#[track_caller]
fn line_with<'a>(text: &'a str, part: &str) -> &'a str {
    text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part:?} in\n{text}"))
}

fn send(signal: &str, process: &Child) {
    let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", process.id())).status().unwrap();
    assert!(sent.success());
}

#[track_caller]
fn end_of(process: &mut Child) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = process.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    process.kill().unwrap();
    panic!("the process had not ended after {PATIENCE:?}");
}

/// A program that serves, on a port of its own. It ends with the test.
struct Serving {
    process: Child,
    url: String,
    _stdout: BufReader<ChildStdout>,
}

impl Serving {
    fn in_folder(folder: &Path) -> Self {
        Serving::start(
            ringroute(&["serve", "--listen", "127.0.0.1:0", "--data-folder"]).arg(folder.join("data")),
        )
    }

    fn start(command: &mut Command) -> Self {
        // Elsewhere than where another one is.
        command.env("RINGROUTE_CONSOLE_ADDRESS", "127.0.0.1:0");
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Serving { process, url, _stdout: stdout }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = ringroute(arguments);
        command.env("RINGROUTE_SERVER", &self.url);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints that must succeed.
    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_code(&output, 0);
        stdout(&output)
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.text(&arguments)).unwrap()
    }

    #[track_caller]
    fn apply(&self, document: &str, options: &[&str]) -> Output {
        let mut arguments = vec!["apply", "-f", "-"];
        arguments.extend(options);
        with_input(self.command(&arguments), document)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn with_input(mut command: Command, input: &str) -> Output {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = piped.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

/// Two people in a CSV file, one row that nobody can use, and the settings for them.
fn company(folder: &Path) -> String {
    let file = folder.join("people.csv");
    let rows = "id,name,phone,team\n1,Ada Lovelace,030 901820,Sales\n2,Grace Hopper,+44 20 7946 0018,Support\n\
                3,Nobody,,Sales\n";
    std::fs::write(&file, rows).unwrap();
    format!(
        r#"
[numbers]
default_region = "DE"

[[source]]
name = "crm"
connection = {{ csv = {{ path = {file:?} }} }}
sync_filter = "select ${{MAP}} from csv.contacts"
field_map = {{ key = "id", last_name = "name", business_number = "phone" }}
phonebook = {{ by_property = {{ column = "team" }} }}

[[inbound_route]]
name = "Sales customers"
phonebooks = ["Sales"]
destination = {{ type = "queue", target = "6400" }}
"#
    )
}

fn with_company() -> (TempDir, Serving) {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::in_folder(folder.path());
    assert_code(&server.apply(&company(folder.path()), &[]), 0);
    assert_code(&server.run(&["sync", "run", "crm"]), 0);
    (folder, server)
}

#[test]
fn the_demo_routes_telling_calls_and_can_be_run_twice() {
    let folder = tempfile::tempdir().unwrap();
    let demo = || {
        let mut command = ringroute(&["demo", "--once", "--data-folder", "demo"]);
        command.current_dir(folder.path()).output().unwrap()
    };
    let first = demo();
    assert_code(&first, 0);
    let text = stdout(&first);
    // Every 333rd row is a bad one.
    let (rows, bad) = (sample::DEFAULT_CONTACTS, sample::DEFAULT_CONTACTS / 333);
    let grouped = |number: u32| indicatif::HumanCount(number.into()).to_string();
    let counts = line_with(&text, " added, ");
    assert!(counts.contains(&format!("{} added, 0 changed", grouped(rows - bad))), "{counts}");
    assert!(counts.contains(&format!("{bad} rows rejected")), "{counts}");
    assert!(line_with(&text, "row 333 ").contains("no name"));
    for (caller, contact, phonebook, decision) in [
        ("03023125101 ", "Anna Müller", "Sales", "Sales customers -> queue 6400"),
        ("020 7946 0123 ", "Oliver Ashworth", "Support", "Support customers -> ring group 6300"),
        ("sip:+33199001234@", "Hélène Lefèvre", "Sales", "Sales customers -> queue 6400"),
        (
            "+494066969200 ",
            "Jonas Schäfer and Ayşe Yılmaz",
            "Sales, Support",
            "Sales customers -> queue 6400",
        ),
        ("+498999998300 ", "Käthe Weiß", "Support", "Support customers -> ring group 6300"),
        ("+491713920012 ", "Łukasz Nowak", "Support", "Hot line -> ring group 6301"),
        ("anonymous ", "(withheld)", "", "Withheld -> announcement show-your-number"),
        ("+493023125999 ", "(no contact)", "", "Everyone else -> ivr 6500"),
        ("call me maybe ", "(not a number)", "", "Everyone else -> ivr 6500"),
    ] {
        let line = line_with(&text, caller);
        assert!([contact, phonebook, decision].iter().all(|part| line.contains(part)), "{line}");
    }
    assert!(!text.contains('\u{1b}'), "colours are for terminals");

    let second = demo();
    assert_code(&second, 0);
    let counts = stdout(&second);
    let counts = line_with(&counts, " added, ");
    assert!(
        counts.contains(&format!("0 added, 0 changed, 0 moved, 0 removed, {} ", grouped(rows - bad))),
        "{counts}"
    );
}

#[test]
fn the_demo_names_a_port_that_is_taken_and_the_option() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for command in ["demo", "serve"] {
        let mut ringroute = ringroute(&[command, "--listen", &address.to_string()]);
        let output = ringroute.current_dir(folder.path()).output().unwrap();
        assert_code(&output, 1);
        let message = stderr(&output);
        assert!(message.contains(&format!("port {} ", address.port())), "{message}");
        assert!(message.contains("--listen") && message.contains("RINGROUTE_LISTEN"), "{message}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was touched");
}

#[test]
fn what_the_demo_says_to_try_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = ringroute(&["demo", "--contacts", "1000", "--listen", "127.0.0.1:0"]);
    let process = command.current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = process.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("Serving call handlers")));
    for _ in 0..5 {
        let line = lines.next().unwrap();
        let output = Command::new("sh").arg("-c").arg(&line).output().unwrap();
        assert!(output.status.success(), "{line}: {}", stderr(&output));
        assert!(!output.stdout.is_empty(), "{line}");
    }
    send("INT", &process);
    assert_eq!(end_of(&mut process), Some(0));
}

#[test]
fn a_route_is_asked_about_for_any_time_and_explained_as_a_person_would() {
    let (folder, server) = with_company();
    let document = format!(
        "{}\ntimes = [{{ condition = \"Open\" }}]
[[time_condition]]\nname = \"Open\"\ntime_zone = \"Europe/Berlin\"\nhours = [\"mon-fri 09:00-17:00\"]
[[inbound_route]]\nname = \"Rest\"\ndestination = {{ type = \"voicemail\", target = \"100\" }}
[[inbound_route]]\nname = \"Never\"\ndids = [\"100\"]\ndestination = {{ type = \"hang_up\" }}
[routing]\ndial_strings = {{ queue = \"Queue/{{target}}\" }}\n",
        company(folder.path())
    );
    let warning = "warning inbound route \"Never\": it is behind \"Rest\", which takes every call";
    let applied = server.apply(&document, &[]);
    assert_code(&applied, 0);
    assert!(stdout(&applied).contains(warning), "{}", stdout(&applied));
    let checked = with_input(ringroute(&["check", "-f", "-"]), &document);
    assert_code(&checked, 0);
    let told = stdout(&checked);
    assert!(told.contains("warning inbound routes: inbound route \"Never\": it is behind"), "{told}");

    let at = |time: &str| server.text(&["route", "030 901820", "--did", "100", "--at", time, "--explain"]);
    let day = at("2026-11-24T10:00:00+01:00");
    assert!(day.contains("The call goes to queue 6400, by inbound route \"Sales customers\"."), "{day}");
    assert!(day.contains("Dialled as Queue/6400"), "{day}");
    assert!(day.contains("The caller is tried as 030901820 and +4930901820"), "{day}");
    assert!(
        day.contains("Decided for 2026-11-24T09:00:00Z, numbers read as in DE, from generation "),
        "{day}"
    );
    let night = at("2026-11-24T20:00:00+01:00");
    assert!(
        night.contains("\"Open\" does not hold: it is Tue 2026-11-24 20:00 in Europe/Berlin."),
        "{night}"
    );
    assert!(night.contains("The call goes to voicemail 100, by inbound route \"Rest\"."), "{night}");
    assert_code(&server.run(&["route", "030 901820", "--did", "100", "--at", "tomorrow"]), 2);

    // Questions are no calls; this is asked as a call handler does.
    assert!(!server.text(&["decisions"]).contains("voicemail"));
    server.text(&["route", "030 901820", "--did", "0815", "--attestation", "a"]);
    let calls = server.text(&["decisions", "--limit", "1"]);
    assert!(calls.contains("+493*****20") && calls.contains("0815"), "{calls}");
    let counts = server.json(&["decisions", "--counts"]);
    assert_eq!(counts["phonebooks"][0]["calls"], "1", "{counts}");
}

#[test]
fn a_call_is_answered_in_words_and_as_json() {
    let (_folder, server) = with_company();
    assert!(
        server.text(&["match", "030 901820"]).starts_with("+4930901820 is Ada Lovelace, in phonebook Sales.")
    );
    let matched = server.json(&["match", "030 901820"]);
    assert_eq!(matched["status"], "MATCH_STATUS_MATCHED");
    assert_eq!(matched["contacts"][0]["displayName"], "Ada Lovelace");
    for (caller, status) in [
        ("anonymous", "MATCH_STATUS_WITHHELD"),
        ("", "MATCH_STATUS_WITHHELD"),
        ("+49 30 901899", "MATCH_STATUS_NOT_MATCHED"),
        ("-nonsense-", "MATCH_STATUS_INVALID"),
    ] {
        assert_eq!(server.json(&["match", caller])["status"], status, "{caller}");
    }

    let told = server.text(&["route", "030 901820", "--did", "5000", "--explain"]);
    assert!(told.contains("goes to queue 6400, by inbound route \"Sales customers\""), "{told}");
    assert!(told.contains("1. \"Sales customers\" takes it: Ada Lovelace"), "{told}");
    let routed = server.json(&["route", "030 901820", "--did", "5000"]);
    assert_eq!(routed["destination"]["type"], "DESTINATION_TYPE_QUEUE");
    assert_eq!(routed["explanation"], serde_json::json!([]));
    let told = server.text(&["route", "+44 20 7946 0018", "--did", "5000", "--explain"]);
    assert!(told.contains("No inbound route takes the call"), "{told}");
    assert!(told.contains("1. \"Sales customers\" does not take it: Grace Hopper"), "{told}");
}

#[test]
fn phonebooks_contacts_and_sources_are_listed() {
    let (_folder, server) = with_company();
    let phonebooks = server.json(&["phonebooks"]);
    let names: Vec<&Value> =
        phonebooks["phonebooks"].as_array().unwrap().iter().map(|book| &book["name"]).collect();
    assert_eq!(names, ["Sales", "Support"]);
    assert!(line_with(&server.text(&["phonebooks"]), "Sales").contains("crm"));

    assert_eq!(server.json(&["contacts", "hopper"])["contacts"].as_array().unwrap().len(), 1);
    let listed = server.text(&["contacts", "--phonebook", "sales"]);
    assert!(listed.contains("+4930901820") && !listed.contains("Hopper"), "{listed}");
    let limited = server.run(&["contacts", "--limit", "1"]);
    assert!(stderr(&limited).contains("there are more"), "{}", stderr(&limited));

    assert_eq!(server.json(&["sources"])["sources"][0]["contactCount"], "2");
    assert_eq!(server.json(&["sources", "list"]), server.json(&["sources"]));
    assert!(line_with(&server.text(&["sources", "test", "crm"]), "last_name").contains("Grace Hopper"));
}

#[test]
fn settings_go_round() {
    let (folder, server) = with_company();
    let exported = server.text(&["export"]);
    assert_eq!(server.json(&["export"])["document"], exported.as_str());
    let again = server.apply(&exported, &[]);
    assert!(stdout(&again).contains("No difference"), "{}", stdout(&again));

    let changed = exported.replace("6400", "6500");
    let tried = server.apply(&changed, &["--dry-run"]);
    assert_code(&tried, 0);
    let difference = stdout(&tried);
    assert!(line_with(&difference, "Sales customers").starts_with("~ "), "{difference}");
    assert!(line_with(&difference, "6400").contains("6500"), "{difference}");
    assert_eq!(server.text(&["export"]), exported, "a dry run changes nothing");

    let file = folder.path().join("settings.toml");
    std::fs::write(&file, &changed).unwrap();
    let applied = server.json(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(applied["applied"], true);
    assert!(server.text(&["route", "030 901820", "--did", "1"]).contains("queue 6500"));

    let refused = server.apply("", &[]);
    assert_code(&refused, 5);
    assert_code(&server.apply("", &["--removed-sources", "remove"]), 0);
    assert_eq!(server.json(&["phonebooks"])["phonebooks"], serde_json::json!([]));
    let wrong = server.apply("[numbers]\ndefault_regin = \"DE\"", &[]);
    assert_code(&wrong, 2);
    assert!(stderr(&wrong).contains("did you mean `default_region`"), "{}", stderr(&wrong));
}

#[test]
fn a_sync_says_what_it_did_and_what_it_would_do() {
    let (folder, server) = with_company();
    let shown = server.text(&["sync", "show", "1", "--problems"]);
    assert!(line_with(&shown, "no phone number").contains("row rejected"), "{shown}");
    assert_eq!(server.json(&["sync", "show", "1"])["problems"], serde_json::json!([]));
    assert_eq!(server.json(&["sync", "show", "1", "--problems"])["problems"].as_array().unwrap().len(), 1);

    std::fs::write(folder.path().join("people.csv"), "id,name,phone,team\n").unwrap();
    let refused = server.run(&["sync", "run", "crm"]);
    assert_code(&refused, 5);
    assert!(stderr(&refused).contains("no rows") && stderr(&refused).contains("--allow-preview"));
    assert_eq!(stdout(&refused), "", "results only");

    let preview = server.json(&["sync", "preview", "crm"]);
    assert_eq!(preview["run"]["counts"]["removed"], "2");
    let id = preview["run"]["runId"].as_str().unwrap();
    let run = server.json(&["sync", "run", "crm", "--allow-preview", id]);
    assert_eq!((&run["state"], &run["counts"]["removed"]), (&"SYNC_RUN_STATE_SUCCEEDED".into(), &"2".into()));

    std::fs::remove_file(folder.path().join("people.csv")).unwrap();
    let failed = server.run(&["sync", "run", "crm"]);
    assert_code(&failed, 1);
    assert!(stderr(&failed).contains("people.csv"), "{}", stderr(&failed));
    assert_code(&server.run(&["sources", "test", "crm"]), 1);

    let last = run["runId"].as_str().unwrap();
    let watched = server.text(&["sync", "watch", last, "--json"]);
    let messages: Vec<Value> = watched.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages.last().unwrap()["progress"]["run"]["runId"], last);
    assert!(server.text(&["sync", "cancel", last]).contains("had ended already"));
    let named = server.run(&["sync", "cancel", "crm"]);
    assert_code(&named, 2);
    assert!(stderr(&named).contains("ringroute sync history"), "{}", stderr(&named));
    let history = server.json(&["sync", "history", "crm"]);
    let states: Vec<&str> =
        history["runs"].as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap()).collect();
    let expected = ["FAILED", "SUCCEEDED", "SUCCEEDED", "REFUSED", "SUCCEEDED"];
    assert_eq!(states, expected.map(|state| format!("SYNC_RUN_STATE_{state}")));
    assert_eq!(
        server.text(&["sync", "history", "--limit", "2"]).lines().count(),
        4,
        "header, a failure, two runs"
    );
}

#[test]
fn what_is_wrong_with_rows_and_filters_is_seen_where_sources_are_tested_and_runs_listed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::in_folder(folder.path());
    let settings = company(folder.path()).replace("csv.contacts\"", "csv.contacts where zip = '1'\"");
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "id,name,phone,team,zip\n1,Ada Lovelace,030 901820,Sales,1\n2,Short\n").unwrap();
    assert_code(&server.apply(&settings, &[]), 0);
    let tested = server.text(&["sources", "test", "crm"]);
    assert!(tested.contains("1 row cannot be read at all"), "{tested}");

    std::fs::write(&file, "id,name,phone,team\n1,Ada Lovelace,030 901820,Sales\n").unwrap();
    assert_code(&server.run(&["sync", "run", "crm"]), 1);
    let history = server.text(&["sync", "history"]);
    let lines: Vec<&str> = history.lines().collect();
    let marks = lines.iter().position(|line| line.trim_start().starts_with("^^^")).unwrap();
    assert_eq!(lines[marks].find('^'), lines[marks - 1].find("zip"), "{history}");
}

#[test]
fn a_preview_is_readable_and_can_be_read_again() {
    let (folder, server) = with_company();
    let rows = "id,name,phone,team\n1,Ada Lovelace,030 901820,Support\n2,Grace Murray,+44 20 7946 0018,Support\n\
                4,Edsger Dijkstra,+31 40 2479111,Sales\n";
    std::fs::write(folder.path().join("people.csv"), rows).unwrap();
    let shown = server.text(&["sync", "preview", "crm"]);
    for expected in [
        "A run of crm would synchronise 3 contacts",
        "Calls from 3 numbers would be answered otherwise: 1 newly found, 0 no longer found, 2 found",
        "Sales customers  (no route)       1        +4930901820 (Ada Lovelace)",
        "(no route)       Sales customers  1        +31402479111 (nobody -> Edsger Dijkstra)",
        "  + 4 Edsger Dijkstra (Sales): last_name Edsger Dijkstra; business_number +31 40 2479111",
        "  ~ 2 Grace Murray (Support): last_name \"Grace Hopper\" -> \"Grace Murray\"",
        "  > 1 Ada Lovelace (Sales -> Support)",
        "ringroute sync run crm --allow-preview 2",
    ] {
        assert!(shown.contains(expected), "no {expected:?} in\n{shown}");
    }
    let again = server.text(&["sync", "preview", "--again", "2"]);
    assert_eq!(again.lines().skip(1).collect::<Vec<_>>(), shown.lines().skip(1).collect::<Vec<_>>());
    let changes = server.json(&["sync", "preview", "--again", "2", "--all"]);
    assert_eq!(changes["changes"].as_array().unwrap().len(), 3);
    assert_code(&server.run(&["sync", "preview", "--again", "1"]), 4);
    assert_code(&server.run(&["sync", "preview"]), 2);
}

#[test]
fn the_quality_of_a_source_is_told_and_written_as_csv() {
    let (folder, server) = with_company();
    let rows = "id,name,phone,team\n1,=HYPERLINK(1),030 901820,Sales\n2,Grace Hopper,+49 30 901820,Support\n\
                3,Short,1234567,Sales\n";
    std::fs::write(folder.path().join("people.csv"), rows).unwrap();
    server.text(&["sync", "run", "crm"]);
    let report = server.text(&["sources", "quality", "crm"]);
    assert!(line_with(&report, "shared number").ends_with(" 1") && report.contains("3 contacts"), "{report}");
    let list = server.text(&["sources", "quality", "crm", "--kind", "not-in-region"]);
    assert!(list.contains("Short (3)") && list.contains("area code"), "{list}");

    let csv = server.text(&["sources", "quality", "crm", "--csv"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().get(0), Some("found"));
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 3, "{csv}");
    // Nothing that a spreadsheet would calculate.
    assert_eq!((&records[0][1], &records[0][7]), ("'+4930901820", "'=HYPERLINK(1)"));
    assert_eq!((&records[2][0], &records[2][2]), ("not in region", "1234567"));
    assert_code(&server.run(&["sources", "quality", "erp"]), 4);
}

#[test]
fn what_does_not_exist_is_4_and_what_is_off_is_5() {
    let (folder, server) = with_company();
    for arguments in [
        &["sync", "run", "nope"][..],
        &["sync", "preview", "nope"],
        &["sync", "show", "99"],
        &["sync", "watch", "99"],
        &["sync", "cancel", "99"],
        &["sources", "test", "nope"],
        &["contacts", "--phonebook", "nope"],
    ] {
        assert_code(&server.run(arguments), 4);
    }
    assert!(line_with(&server.text(&["sources"]), "crm").ends_with("by hand"));
    let off = company(folder.path()).replace("name = \"crm\"", "name = \"crm\"\nenabled = false");
    assert_code(&server.apply(&off, &[]), 0);
    assert_code(&server.run(&["sync", "run", "crm"]), 5);
    assert!(line_with(&server.text(&["sources"]), "crm").ends_with("off"));
}

#[test]
fn a_server_that_is_away_is_3_and_says_where_it_was_sought() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().to_str().unwrap();
    for arguments in [
        &["match", "1"][..],
        &["route", "1", "--did", "2"],
        &["apply", "-f", file],
        &["export"],
        &["sync", "history"],
        &["sources"],
        &["phonebooks"],
        &["contacts"],
    ] {
        let output = ringroute(arguments).args(["--server", &url]).output().unwrap();
        assert_code(&output, 3);
        assert!(
            stderr(&output).contains(&url) && stderr(&output).contains("--server"),
            "{}",
            stderr(&output)
        );
    }
    // Nothing to answer from yet.
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::in_folder(folder.path());
    assert_code(&server.run(&["match", "1"]), 3);
}

#[test]
fn wrong_usage_is_2() {
    for arguments in [
        &["match"][..],
        &["route", "1"],
        &["sync"],
        &["sync", "run"],
        &["sync", "show", "one"],
        &["contacts", "--limit", "0"],
        &["demo", "--contacts", "1"],
        &["serve", "--listen", "here"],
        &["match", "1", "--server", "ftp://127.0.0.1"],
        &["nonsense"],
    ] {
        let output = ringroute(arguments).output().unwrap();
        assert_code(&output, 2);
        assert_eq!(stdout(&output), "", "{arguments:?}");
    }
    assert_code(&ringroute(&["--help"]).output().unwrap(), 0);
    assert_code(&ringroute(&["--version"]).output().unwrap(), 0);
}

#[test]
fn a_configuration_with_an_unknown_key_is_refused_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("ringroute.toml");
    std::fs::write(&config, "data_foldr = \"x\"\n").unwrap();
    // Named, and found in the current folder.
    for arguments in [&["serve", "--config", config.to_str().unwrap()][..], &["serve"], &["check"]] {
        let output = ringroute(arguments).current_dir(folder.path()).output().unwrap();
        assert_code(&output, 1);
        let said = stdout(&output) + &stderr(&output);
        assert!(said.contains("`data_foldr`: did you mean `data_folder`?"), "{said}");
    }
}

#[test]
fn check_finds_what_is_wrong_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let check = |document: &str, options: &[&str]| {
        let mut command = ringroute(&["check", "-f", "-"]);
        command.args(options).current_dir(folder.path());
        with_input(command, document)
    };
    let fine = company(folder.path());
    assert_code(&check(&fine, &[]), 0);
    for (right, wrong, subject) in [
        ("from csv.contacts", "frm csv.contacts", "source \"crm\""),
        ("phonebooks = [\"Sales\"]", "dids = [\"+49[\"]", "inbound routes"),
        ("default_region = \"DE\"", "last_digits = 3", "settings"),
        ("[numbers]", "[nmbers]", "settings"),
    ] {
        assert!(fine.contains(right));
        let output = check(&fine.replace(right, wrong), &["--json"]);
        assert_code(&output, 1);
        let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(found["ok"], false);
        let bad = found["findings"].as_array().unwrap().iter().find(|finding| finding["problems"].is_array());
        assert_eq!(bad.unwrap()["subject"], subject, "{found:#}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let (_folder, server) = with_company();
    let mut command = server.command(&["export"]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(process.stdout.take());
    assert_eq!(end_of(&mut process), Some(0));
    let mut said = String::new();
    process.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

/// Reads standard error until a line has this text.
fn wait_for_line(lines: &mut impl Iterator<Item = String>, part: &str) -> String {
    lines.find(|line| line.contains(part)).unwrap_or_else(|| panic!("it ended without {part:?}"))
}

fn lines_of(stderr: ChildStderr) -> impl Iterator<Item = String> {
    BufReader::new(stderr).lines().map(Result::unwrap)
}

#[test]
fn ctrl_c_ends_the_watching_and_sigterm_the_server_with_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("company.db");
    // So many that the run is still under way when the signals come.
    sample::write(&database, 300_000).unwrap();
    let mut server = Serving::in_folder(folder.path());
    let settings = sample::settings(&database).to_toml().unwrap();
    assert_code(&server.apply(&settings, &[]), 0);

    let mut watching = server.command(&["sync", "run", sample::SOURCE_NAME]);
    let mut watching = watching.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut lines = lines_of(watching.stderr.take().unwrap());
    wait_for_line(&mut lines, "run 1: reading");
    send("INT", &watching);
    let said = wait_for_line(&mut lines, "goes on");
    assert!(said.contains("ringroute sync watch 1"), "{said}");
    assert_eq!(end_of(&mut watching), Some(130));
    assert_eq!(server.json(&["sync", "show", "1"])["run"]["state"], "SYNC_RUN_STATE_RUNNING");

    send("TERM", &server.process);
    assert_eq!(end_of(&mut server.process), Some(0));
    let server = Serving::in_folder(folder.path());
    // Not "stopped while this run was under way", which is what a killed server leaves behind.
    assert_eq!(server.json(&["sync", "show", "1"])["run"]["state"], "SYNC_RUN_STATE_CANCELLED");
}

/// The whole process, with the snapshot before and the one after, at its peak: half of the contacts change, so
/// everything is there at the same time.
#[cfg(target_os = "linux")]
#[test]
fn half_a_million_contacts_are_previewed_and_synchronised_in_less_than_400_mib() {
    const LIMIT_KIB: u64 = 400 * 1024;
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("company.db");
    sample::write(&database, 500_000).unwrap();
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, sample::settings(&database).to_toml().unwrap()).unwrap();
    let serving = Serving::in_folder(folder.path());
    serving.text(&["apply", "-f", settings.to_str().unwrap()]);

    let first = serving.text(&["sync", "run", sample::SOURCE_NAME]);
    assert!(first.starts_with("Synchronised 498,499 contacts"), "{first}");
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute("UPDATE contacts SET remark = 'changed' WHERE id % 2 = 0", [])
        .unwrap();
    // The other half finds other names, so that calls are decided too.
    rusqlite::Connection::open(&database)
        .unwrap()
        .execute("UPDATE contacts SET company = company || ' Ltd' WHERE id % 2 = 1", [])
        .unwrap();
    let preview = serving.text(&["sync", "preview", sample::SOURCE_NAME]);
    assert!(preview.contains("would be answered otherwise"), "{preview}");
    let quality = serving.text(&["sources", "quality", sample::SOURCE_NAME]);
    assert!(quality.contains("498,499 contacts"), "{quality}");
    let second = serving.text(&["sync", "run", sample::SOURCE_NAME]);
    assert!(second.contains(" changed"), "{second}");
    // And back, with what is kept of the run for that.
    let back = serving.text(&["sync", "rollback", "2", "--yes"]);
    assert!(back.contains(" changed"), "{back}");

    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.process.id())).unwrap();
    let peak: u64 = line_with(&status, "VmHWM").split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(peak < LIMIT_KIB, "{} MiB at the peak", peak / 1024);
}

/// The company, synchronised at night, with somebody who wants to know of every run.
fn scheduled_company(folder: &Path) -> String {
    company(folder).replace(
        "[[inbound_route]]",
        "[source.schedule]\ndaily = { at = '03:00', time_zone = 'Europe/Berlin' }\n\
         [source.notify]\nemail = 'ops@example.com'\nwhen = ['always']\n\n[[inbound_route]]",
    )
}

#[test]
fn schedules_and_notifications_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::in_folder(folder.path());
    assert_code(&server.apply(&scheduled_company(folder.path()), &[]), 0);
    let next = server.json(&["sources"])["sources"][0]["nextRunAt"].as_str().unwrap().to_owned();
    let next: jiff::Timestamp = next.parse().unwrap();
    let berlin = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    assert_eq!(berlin.to_datetime(next).time(), jiff::civil::time(3, 0, 0, 0));
    let listed = server.text(&["sources"]);
    assert!(line_with(&listed, "crm").contains(&next.to_string()), "{listed}");

    assert_code(&server.run(&["sync", "run", "crm"]), 0);
    let start = Instant::now();
    let told = loop {
        let shown = server.text(&["sync", "show", "1"]);
        let told = line_with(&shown, "ops@example.com").trim().to_owned();
        if !told.contains("pending") || start.elapsed() > PATIENCE {
            break told;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let expected = "email to ops@example.com: not sent after 1 attempt: no mail server is configured";
    assert!(told.starts_with(expected), "{told}");
}

#[test]
fn mails_that_nobody_could_send_are_noticed_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    let check = |config: &str| {
        let path = folder.path().join("ringroute.toml");
        std::fs::write(&path, config).unwrap();
        let mut command = ringroute(&["check", "-f", "-", "--config"]);
        command.arg(&path);
        let output = with_input(command, &scheduled_company(folder.path()));
        assert_code(&output, 0);
        stdout(&output)
    };
    let found = check("");
    let told = line_with(&found, "notify.email");
    assert!(
        told.starts_with("warning") && told.contains("source \"crm\": notify.email names addresses"),
        "{found}"
    );
    let found = check("[mail]\nhost = 'mail.example.com'\nfrom = 'ringroute@example.com'");
    assert!(!found.contains("notify.email"), "{found}");
}

#[test]
fn certificates_that_cannot_be_read_are_noticed_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    let mail = "[mail]\nhost = 'mail.example.com'\nfrom = 'ringroute@example.com'\n";
    for (config, problem) in [
        (format!("{mail}ca_file = 'none.pem'"), ["mail.ca_file ", "none.pem: "]),
        ("[webhook]\nca_file = 'empty.pem'".to_owned(), ["webhook.ca_file ", "has no certificates"]),
    ] {
        std::fs::write(folder.path().join("ringroute.toml"), config).unwrap();
        let output = ringroute(&["check"]).current_dir(folder.path()).output().unwrap();
        assert_code(&output, 1);
        assert!(problem.iter().all(|part| stdout(&output).contains(part)), "{}", stdout(&output));
    }
}

#[test]
fn variables_that_are_set_to_nothing_are_not_set() {
    let folder = tempfile::tempdir().unwrap();
    let server = Serving::in_folder(folder.path());
    let mut status = ringroute(&["status", "--server", &server.url]);
    for variable in ["SERVER", "TOKEN", "CA", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
        status.env(format!("RINGROUTE_{variable}"), "");
    }
    let status = status.output().unwrap();
    assert!(stdout(&status).starts_with("Not serving"), "{}", stderr(&status));
    // Of two that go together, one is not enough.
    let mut status = ringroute(&["status", "--server", &server.url]);
    assert_code(&status.env("RINGROUTE_CLIENT_KEY", "key.pem").output().unwrap(), 2);
}

#[test]
fn an_administrator_of_the_console_is_made_while_a_server_runs_and_while_none_does() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("short"), "too short").unwrap();
    std::fs::write(folder.path().join("good"), "correct horse battery\n").unwrap();
    let run = |url: &str, arguments: &[&str]| {
        let mut command = ringroute(&[&["admin", "create"], arguments].concat());
        command.env("RINGROUTE_SERVER", url).current_dir(folder.path()).output().unwrap()
    };
    let mut server = Serving::in_folder(folder.path());
    let made = run(&server.url, &["ada"]);
    assert_code(&made, 0);
    let password = stdout(&made);
    assert!(password.trim().len() >= 12 && password.lines().count() == 1, "{password}");
    assert!(stderr(&made).contains("not shown again"), "{}", stderr(&made));
    // In any case, as names are compared.
    assert_code(&run(&server.url, &["ADA"]), 5);
    let refused = run(&server.url, &["grace", "--password", "file:short"]);
    assert_code(&refused, 2);
    assert!(stderr(&refused).contains("at least 12") && !stderr(&refused).contains("too short"));
    let made = run(&server.url, &["grace", "--password", "file:good", "--json"]);
    assert_code(&made, 0);
    let answer: Value = serde_json::from_str(&stdout(&made)).unwrap();
    assert_eq!((&answer["user"]["name"], &answer["user"]["role"]), (&"grace".into(), &"ROLE_ADMIN".into()));
    assert_eq!(answer["generatedPassword"], "");
    let offline = ["edsger", "--data-folder", "data"];
    let refused = run(&server.url, &offline);
    assert_code(&refused, 1);
    assert!(stderr(&refused).contains("without --data-folder"), "{}", stderr(&refused));

    send("TERM", &server.process);
    assert_eq!(end_of(&mut server.process), Some(0));
    assert_code(&run("", &offline), 0);
    assert_code(&run("", &offline), 5);
}

#[test]
fn users_are_listed_changed_and_deleted_and_the_last_administrator_stays() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("short"), "too short").unwrap();
    let mut server = Serving::in_folder(folder.path());
    let url = server.url.clone();
    let run = |arguments: &[&str]| {
        let mut command = ringroute(&[&["admin"], arguments].concat());
        command.env("RINGROUTE_SERVER", &url).current_dir(folder.path()).output().unwrap()
    };
    assert_code(&run(&["create", "ada"]), 0);
    let made = run(&["create", "grace", "--role", "viewer"]);
    assert_code(&made, 0);
    assert!(stderr(&made).contains("grace, who is a viewer"), "{}", stderr(&made));
    assert_code(&run(&["create", "x", "--role", "lookup"]), 2);

    let list = stdout(&run(&["list"]));
    assert!(
        line_with(&list, "grace").contains("viewer") && line_with(&list, "grace").contains("never"),
        "{list}"
    );
    let password = run(&["password", "grace"]);
    assert_code(&password, 0);
    assert_ne!(stdout(&password), stdout(&made));
    let refused = run(&["password", "grace", "--password", "file:short"]);
    assert_code(&refused, 2);
    assert!(stderr(&refused).contains("at least 12"), "{}", stderr(&refused));
    assert_code(&run(&["sign-out", "GRACE"]), 0);

    // Nobody else is an administrator.
    for last in [&["delete", "ada"][..], &["role", "ada", "viewer"]] {
        let refused = run(last);
        assert_code(&refused, 5);
        assert!(stderr(&refused).contains("make another one first"), "{}", stderr(&refused));
    }
    assert_eq!(stdout(&run(&["role", "grace", "admin"])), "grace is an administrator of the console.\n");
    assert_code(&run(&["delete", "ada"]), 0);
    for gone in
        [&["delete", "ada"][..], &["role", "ada", "viewer"], &["password", "ada"], &["sign-out", "ada"]]
    {
        assert_code(&run(gone), 4);
    }
    send("TERM", &server.process);
    assert_eq!(end_of(&mut server.process), Some(0));

    let offline = |arguments: &[&str]| run(&[arguments, &["--data-folder", "data"]].concat());
    let list: Value = serde_json::from_str(&stdout(&offline(&["list", "--json"]))).unwrap();
    assert_eq!(list["users"].as_array().unwrap().len(), 1, "{list}");
    assert_code(&offline(&["password", "grace"]), 0);
    assert_code(&offline(&["sign-out", "grace"]), 0);
    assert_code(&offline(&["delete", "grace"]), 5);
    assert_code(&offline(&["create", "edsger"]), 0);
    assert_code(&offline(&["role", "grace", "operator"]), 0);
    assert_code(&offline(&["delete", "grace"]), 0);
    assert_code(&offline(&["delete", "grace"]), 4);
}
