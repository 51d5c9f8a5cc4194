//! Backups of a server that goes on serving, restored here and elsewhere; and a store that is damaged, mended by one.
//! By the program itself.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "support/program.rs"]
mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use program::{Program, printed, ringroute};
use rusqlite::Connection;
use serde_json::Value;

const PASSWORD: &str = "Kr0kodil-im-Teich-17";

/// Somebody in each phonebook, and who is asked about that nobody knows.
const CALLERS: [(&str, &str, &str); 3] = [
    ("+49302000001", "Person 1", "sales"),
    ("+49302000002", "Person 2", "support"),
    ("+49309999999", "", "everybody else"),
];

/// A folder with a company's database, settings for it, and a place for data.
struct Place(tempfile::TempDir);

impl Place {
    /// A company of so many people, synchronised by a server that goes on running.
    fn serving(people: u32) -> (Self, Program) {
        let place = Place(tempfile::tempdir().unwrap());
        let company = place.path("company.db");
        let mut database = Connection::open(&company).unwrap();
        let transaction = database.transaction().unwrap();
        transaction.execute_batch("CREATE TABLE people (id, name, tel, team)").unwrap();
        for id in 1..=people {
            let team = ["Support", "Sales"][id as usize % 2];
            let person = (id, format!("Person {id}"), format!("+49 30 {}", 2_000_000 + id), team);
            transaction.execute("INSERT INTO people VALUES (?, ?, ?, ?)", person).unwrap();
        }
        transaction.commit().unwrap();
        fs::write(place.path("settings.toml"), settings(&company)).unwrap();
        let program = Program::serve(place.0.path(), &[]);
        place.done(&program, &["apply", "-f", "settings.toml"]);
        place.done(&program, &["sync", "run", "crm"]);
        (place, program)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn store(&self) -> PathBuf {
        self.path("data/ringroute.db")
    }

    fn serve(&self) -> Program {
        Program::serve(self.0.path(), &[])
    }

    fn run(&self, program: &Program, arguments: &[&str]) -> Output {
        program.command(arguments).current_dir(self.0.path()).output().unwrap()
    }

    /// What a command prints that must succeed.
    #[track_caller]
    fn done(&self, program: &Program, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
        printed(&output)
    }

    /// What a command prints that needs no server and must succeed.
    #[track_caller]
    fn alone(&self, arguments: &[&str]) -> String {
        let output = ringroute(arguments).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", printed(&output));
        printed(&output)
    }

    /// What a command prints that must end with that code.
    #[track_caller]
    fn refused(&self, arguments: &[&str], code: i32) -> String {
        let output = ringroute(arguments).current_dir(self.0.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", printed(&output));
        printed(&output)
    }

    /// Every answer is the one that the company's people get.
    #[track_caller]
    fn check_answers(&self, program: &Program) {
        for (number, name, route) in CALLERS {
            let matched = self.json(program, &["match", number]);
            let told = matched["contacts"][0]["displayName"].as_str().unwrap_or_default();
            assert_eq!(told, name, "{matched}");
            let decision = self.json(program, &["route", number, "--did", "+49301"]);
            assert_eq!(decision["route"], route, "{decision}");
        }
    }

    #[track_caller]
    fn json(&self, program: &Program, arguments: &[&str]) -> Value {
        let output = self.run(program, &[arguments, &["--json"]].concat());
        assert!(!output.stdout.is_empty(), "{}", printed(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    #[track_caller]
    fn generation(&self, program: &Program) -> u64 {
        let told = self.json(program, &["match", "1"]);
        told["generation"].as_str().unwrap().parse().unwrap()
    }

    /// Files of the data folder that begin like this.
    fn files(&self, start: &str) -> Vec<PathBuf> {
        let all = fs::read_dir(self.path("data")).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start)).collect()
    }

    /// Nothing is left of what was only there for a while.
    #[track_caller]
    fn check_tidy(&self) {
        for folder in [self.0.path(), &self.path("data")] {
            for entry in fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name();
                assert!(!name.to_str().unwrap().starts_with(".ringroute"), "{name:?}");
            }
        }
    }
}

fn settings(company: &Path) -> String {
    format!(
        r#"
        [[source]]
        name = "crm"
        connection = {{ sqlite = {{ path = {company:?} }} }}
        sync_filter = "select ${{MAP}} from main.people order by id"
        field_map = {{ key = "id", last_name = "name", business_number = "tel" }}
        phonebook = {{ by_property = {{ column = "team" }} }}
        guard = {{ max_removed_percent = 0 }}

        [[inbound_route]]
        name = "sales"
        phonebooks = ["Sales"]
        destination = {{ type = "queue", target = "6400" }}

        [[inbound_route]]
        name = "support"
        phonebooks = ["Support"]
        destination = {{ type = "ring_group", target = "6300" }}

        [[inbound_route]]
        name = "everybody else"
        destination = {{ type = "extension", target = "1000" }}
        "#
    )
}

/// A source whose password is typed in; never reached.
fn source_with_password(host: &str) -> String {
    format!(
        r#"
        [[source]]
        name = "erp"
        enabled = false
        sync_filter = "select ${{MAP}} from dbo.contacts order by id"
        field_map = {{ key = "id", last_name = "name", business_number = "phone" }}
        phonebook = {{ new = {{ name = "Partners" }} }}
        connection = {{ sql_server = {{ host = "{host}", database = "erp", user = "reader", password = "{PASSWORD}" }} }}
        "#
    )
}

fn has_password(file: &Path) -> bool {
    let bytes = fs::read(file).unwrap();
    bytes.windows(PASSWORD.len()).any(|part| part == PASSWORD.as_bytes())
}

/// Ends the server as an administrator does.
fn stop(mut program: Program) {
    let id = program.process_id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(program.wait().success());
}

#[test]
fn a_backup_of_a_serving_server_is_restored_on_another_machine_and_answers_the_same() {
    let (place, program) = Place::serving(300);
    let generation = place.generation(&program);
    let told = place.done(&program, &["backup", "all.backup"]);
    assert!(
        told.contains("all.backup is written.") && told.contains("300 contacts in 2 phonebooks"),
        "{told}"
    );
    let mode = fs::metadata(place.path("all.backup")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    let audited = place.done(&program, &["audit", "--what", "backup"]);
    assert!(audited.contains(&format!("backup of generation {generation}")), "{audited}");
    place.check_tidy();
    let told = place.alone(&["backup", "all.backup", "--verify"]);
    assert!(told.contains("all.backup is whole, and can be restored."), "{told}");

    // Another machine: nothing of the first one is left.
    let elsewhere = Place(tempfile::tempdir().unwrap());
    fs::copy(place.path("all.backup"), elsewhere.path("all.backup")).unwrap();
    stop(program);
    let told = elsewhere.alone(&["restore", "all.backup", "--data-folder", "data"]);
    assert!(told.contains(&format!("serves it as generation {}", generation + 1)), "{told}");
    assert!(!told.contains("kept as"), "{told}");
    let program = elsewhere.serve();
    elsewhere.check_answers(&program);
    assert_eq!(elsewhere.generation(&program), generation + 1);
    let audited = elsewhere.done(&program, &["audit", "--what", "the store"]);
    assert!(audited.contains("somebody with the data folder"), "{audited}");
    assert!(audited.contains(&format!("backup of generation {generation} taken at")), "{audited}");
    // And it goes on from there.
    elsewhere.done(&program, &["sync", "run", "crm"]);
    elsewhere.check_answers(&program);
    elsewhere.check_tidy();
}

#[test]
fn a_backup_that_is_taken_while_runs_are_under_way_is_of_one_generation() {
    let (place, program) = Place::serving(2000);
    let taken = std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            for run in 0..6 {
                let company = Connection::open(place.path("company.db")).unwrap();
                // Everybody is renamed, and some come or go.
                company.execute("UPDATE people SET name = name || '.'", []).unwrap();
                let sql = match run % 2 {
                    0 => "INSERT INTO people SELECT id + 10000, name, tel, team FROM people WHERE id <= 1000",
                    _ => "DELETE FROM people WHERE id > 10000",
                };
                company.execute(sql, []).unwrap();
                drop(company);
                place.done(&program, &["sync", "run", "crm"]);
            }
        });
        let mut taken = 0;
        while !running.is_finished() {
            place.done(&program, &["backup", "now.backup", "--overwrite"]);
            let told = place.alone(&["backup", "now.backup", "--verify", "--json"]);
            let told: Value = serde_json::from_str(&told).unwrap();
            let contacts = told["contacts"].as_str().unwrap();
            assert!(["2000", "3000"].contains(&contacts), "{told}");
            taken += 1;
        }
        taken
    });
    assert!(taken > 1, "{taken} backups were taken");
}

#[test]
fn a_file_that_is_there_is_kept_unless_one_says_so() {
    let (place, program) = Place::serving(4);
    fs::write(place.path("precious"), "x").unwrap();
    for arguments in [&["backup", "precious"][..], &["backup", "precious", "--data-folder", "data"]] {
        let output = place.run(&program, arguments);
        assert_eq!(output.status.code(), Some(5), "{}", printed(&output));
        assert!(printed(&output).contains("say --overwrite"), "{}", printed(&output));
        assert_eq!(fs::read(place.path("precious")).unwrap(), b"x");
    }
    let output = place.run(&program, &["backup", "data"]);
    assert!(printed(&output).contains("is a folder"), "{}", printed(&output));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("precious", place.path("link")).unwrap();
        let output = place.run(&program, &["backup", "link", "--overwrite"]);
        assert!(printed(&output).contains("is no ordinary file"), "{}", printed(&output));
        assert!(place.path("link").is_symlink(), "a link, a pipe or a device would be replaced");
    }
    place.done(&program, &["backup", "precious", "--overwrite"]);
    place.alone(&["backup", "precious", "--verify"]);
    // Nor is a backup that cannot be taken the end of the one before.
    stop(program);
    let whole = fs::read(place.path("precious")).unwrap();
    place.refused(&["backup", "precious", "--overwrite", "--server", "http://127.0.0.1:1"], 3);
    assert_eq!(fs::read(place.path("precious")).unwrap(), whole);
    place.check_tidy();
}

#[test]
fn a_backup_that_is_not_as_it_was_written_is_refused_and_nothing_is_changed() {
    let (place, program) = Place::serving(50);
    place.done(&program, &["backup", "all.backup"]);
    stop(program);
    let whole = fs::read(place.path("all.backup")).unwrap();
    let before = fs::read(place.store()).unwrap();
    let cut = |length: usize| whole[..length].to_vec();
    let flipped = |byte: usize| {
        let mut bytes = whole.clone();
        bytes[byte] ^= 1;
        bytes
    };
    let mut wrong = vec![cut(0), cut(50), cut(whole.len() / 2), cut(whole.len() - 1), before.clone()];
    wrong.extend((0..whole.len()).step_by(whole.len() / 20).map(flipped));
    wrong.push([whole.as_slice(), b"x"].concat());
    for (number, bytes) in wrong.into_iter().enumerate() {
        fs::write(place.path("wrong.backup"), bytes).unwrap();
        let told = place.refused(&["restore", "wrong.backup", "--data-folder", "data"], 1);
        assert!(told.contains("wrong.backup cannot be used: it"), "{number}: {told}");
        place.refused(&["backup", "wrong.backup", "--verify"], 1);
        assert_eq!(fs::read(place.store()).unwrap(), before, "{number}");
    }
    place.refused(&["restore", "nothing.backup", "--data-folder", "data"], 1);
    place.check_tidy();
    assert_eq!(place.files("ringroute.db"), [place.store()]);
}

#[test]
fn a_server_that_serves_is_not_restored_under_its_feet() {
    let (place, program) = Place::serving(4);
    place.done(&program, &["backup", "all.backup"]);
    let told = place.refused(&["restore", "all.backup", "--data-folder", "data"], 1);
    assert!(told.contains("in use by another ringroute process"), "{told}");
    place.check_answers(&program);
    assert_eq!(place.files("ringroute.db.before"), [""; 0].map(PathBuf::from));
}

#[test]
fn a_damaged_store_is_named_calls_are_answered_and_a_backup_mends_it() {
    let (place, program) = Place::serving(300);
    place.done(&program, &["backup", "all.backup"]);
    let generation = place.generation(&program);
    stop(program);
    let mut bytes = fs::read(place.store()).unwrap();
    let end = bytes.len().min(4096 * 10);
    bytes[4096..end].fill(0xA5);
    fs::write(place.store(), &bytes).unwrap();

    let program = place.serve();
    place.check_answers(&program);
    assert_eq!(place.generation(&program), generation);
    let output = place.run(&program, &["status"]);
    let told = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("Degraded") && told.contains("the store is damaged"), "{told}");
    assert!(told.contains("ringroute restore BACKUP --data-folder"), "{told}");
    for arguments in [
        &["apply", "-f", "settings.toml"][..],
        &["sync", "run", "crm"],
        &["phonebooks", "create", "VIP"],
        &["token", "create", "me", "--role", "admin"],
        &["audit"],
        &["backup", "damaged.backup"],
    ] {
        let output = place.run(&program, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", printed(&output));
        assert!(printed(&output).contains("the store of the server is damaged"), "{}", printed(&output));
    }
    assert!(!place.path("damaged.backup").exists());
    assert_eq!(fs::read(place.store()).unwrap(), bytes, "it is left alone");
    let log = program.log();
    assert!(
        log.contains("the store cannot be used: calls are answered from the last good generation"),
        "{log}"
    );
    stop(program);
    place.refused(&["backup", "damaged.backup", "--data-folder", "data"], 1);

    let told = place.alone(&["restore", "all.backup", "--data-folder", "data"]);
    let kept = place.files("ringroute.db.before-restore-");
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(told.contains(kept[0].file_name().unwrap().to_str().unwrap()), "{told}");
    assert_eq!(fs::read(&kept[0]).unwrap(), bytes);
    let program = place.serve();
    place.check_answers(&program);
    assert!(place.done(&program, &["status"]).contains("Healthy"));
    place.done(&program, &["phonebooks", "create", "VIP"]);
    place.done(&program, &["sync", "run", "crm"]);
    place.check_answers(&program);
}

#[test]
fn a_password_that_was_typed_in_is_in_no_backup_of_a_server_and_is_not_lost_where_it_is() {
    let (place, program) = Place::serving(4);
    let document = settings(&place.path("company.db")) + &source_with_password("erp.example");
    fs::write(place.path("settings.toml"), document).unwrap();
    place.done(&program, &["apply", "-f", "settings.toml"]);
    let told = place.done(&program, &["backup", "by-server.backup"]);
    assert!(told.contains("Not in it: connection.sql_server.password of source erp"), "{told}");
    assert!(!has_password(&place.path("by-server.backup")));
    // Beside the server, by who may read its folder.
    place.alone(&["backup", "of-folder.backup", "--data-folder", "data"]);
    assert!(has_password(&place.path("of-folder.backup")), "what is not kept proves nothing");
    stop(program);

    let elsewhere = Place(tempfile::tempdir().unwrap());
    for name in ["by-server.backup", "of-folder.backup"] {
        fs::copy(place.path(name), elsewhere.path(name)).unwrap();
    }
    let told = elsewhere.alone(&["restore", "by-server.backup", "--data-folder", "data"]);
    assert!(told.contains("Missing: connection.sql_server.password of source erp"), "{told}");
    let program = elsewhere.serve();
    elsewhere.check_answers(&program);
    // Edits do not ask for it, a test of the source does.
    elsewhere.done(&program, &["phonebooks", "create", "VIP"]);
    let told = elsewhere.done(&program, &["export"]);
    assert!(told.contains("missing:") && !told.contains(PASSWORD), "{told}");
    let output = elsewhere.run(&program, &["sources", "test", "erp"]);
    assert!(printed(&output).contains("type it in again"), "{}", printed(&output));
    stop(program);

    // Where it is known, for the same server and login, it is taken over; not for another server.
    let told = place.alone(&["restore", "by-server.backup", "--data-folder", "data"]);
    assert!(!told.contains("Missing"), "{told}");
    assert!(has_password(&place.store()));
    let program = place.serve();
    let document = settings(&place.path("company.db")) + &source_with_password("other.example");
    fs::write(place.path("settings.toml"), document).unwrap();
    place.done(&program, &["apply", "-f", "settings.toml"]);
    stop(program);
    let told = place.alone(&["restore", "by-server.backup", "--data-folder", "data"]);
    assert!(told.contains("Missing"), "{told}");
    assert!(!has_password(&place.store()));

    let told = elsewhere.alone(&["restore", "of-folder.backup", "--data-folder", "data"]);
    assert!(!told.contains("Missing"), "{told}");
    assert!(has_password(&elsewhere.store()));
}

#[test]
fn a_backup_of_a_folder_and_an_administrator_made_there_are_audited() {
    let (place, program) = Place::serving(4);
    stop(program);
    place.alone(&["backup", "all.backup", "--data-folder", "data"]);
    place.alone(&["admin", "create", "ada", "--data-folder", "data"]);
    let program = place.serve();
    let audited = place.done(&program, &["audit", "--who", "somebody with the data folder"]);
    assert!(audited.contains("backup of generation") && audited.contains("user \"ada\""), "{audited}");
    assert!(audited.contains("role: admin"), "{audited}");
    let told = place.refused(&["backup", "x.backup", "--data-folder", "nowhere"], 1);
    assert!(told.contains("nowhere"), "{told}");
    assert!(!place.path("nowhere").exists(), "a folder that is not there is not made");
}

#[test]
fn a_backup_may_be_written_into_the_data_folder_by_a_server_beside_one_and_without_one() {
    let (place, program) = Place::serving(4);
    place.done(&program, &["backup", "data/by-server.backup"]);
    place.alone(&["backup", "data/beside.backup", "--data-folder", "data"]);
    stop(program);
    place.alone(&["backup", "data/alone.backup", "--data-folder", "data"]);
    for backup in ["data/by-server.backup", "data/beside.backup", "data/alone.backup"] {
        place.alone(&["backup", backup, "--verify"]);
    }
    place.check_tidy();
}

/// Kills a restore, wherever it is, and looks what the next start finds.
#[test]
fn a_restore_that_is_killed_leaves_the_store_of_before_or_the_backup_whole() {
    const POINTS: u32 = 14;
    let (place, program) = Place::serving(3000);
    place.done(&program, &["backup", "all.backup"]);
    place.done(&program, &["phonebooks", "create", "Afterwards"]);
    stop(program);
    let at_rest = place.path("at rest");
    copy_folder(&place.path("data"), &at_rest);
    let restore = || {
        let mut command = ringroute(&["restore", "all.backup", "--data-folder", "data"]);
        command.current_dir(place.0.path()).stdout(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let start = std::time::Instant::now();
    assert!(restore().wait().unwrap().success());
    let duration = start.elapsed();
    let mut found = Vec::new();
    for point in 0..POINTS {
        fs::remove_dir_all(place.path("data")).unwrap();
        copy_folder(&at_rest, &place.path("data"));
        let mut process = restore();
        std::thread::sleep(duration * point / (POINTS - 2) + Duration::from_millis(1));
        process.kill().unwrap();
        process.wait().unwrap();
        let program = place.serve();
        place.check_answers(&program);
        let told = place.done(&program, &["phonebooks"]);
        let is_before = told.contains("Afterwards");
        assert_eq!(place.files("ringroute.db.before-restore-").is_empty(), is_before, "{point}: {told}");
        place.check_tidy();
        found.push(if is_before { "before" } else { "restored" });
        stop(program);
    }
    eprintln!("killed at {POINTS} points of {duration:?}: {found:?}");
    assert!(found.contains(&"before"), "no restore was killed before its end");
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
