//! A password that was typed in is kept by the store, and comes out nowhere: every RPC, every command and
//! the log at its most talkative are searched for it.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "support/program.rs"]
mod program;

use std::collections::BTreeSet;
use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use program::{Program, printed, ringroute};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use ringroute::api::proto::FILE_DESCRIPTOR_SET;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;

const PASSWORD: &str = "Kr0kodil-im-Teich-17";

/// Every form in which a log or a message could have it.
fn forms() -> Vec<Vec<u8>> {
    let bytes = |numbers: Vec<u8>| numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let utf16: Vec<u8> = PASSWORD.encode_utf16().flat_map(u16::to_le_bytes).collect();
    // As TDS hides it in the login packet: nibbles swapped, then the bits of 0xA5 flipped.
    let hidden: Vec<u8> = utf16.iter().map(|byte| byte.rotate_left(4) ^ 0xA5).collect();
    vec![
        PASSWORD.as_bytes().to_vec(),
        utf16.clone(),
        bytes(PASSWORD.as_bytes().to_vec()).into_bytes(),
        bytes(utf16).into_bytes(),
        bytes(hidden).into_bytes(),
    ]
}

fn has_password(text: &[u8]) -> bool {
    forms().iter().any(|form| text.windows(form.len()).any(|part| part == form))
}

/// Everything that came out, each with where it came out.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    fn add(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.0.push((place.into(), text.into()));
    }

    #[track_caller]
    fn assert_clean(&self) {
        for (place, text) in &self.0 {
            assert!(!has_password(text.as_bytes()), "{place} tells the password: {text}");
        }
    }
}

/// A server that hangs up on everybody, once they have said something.
fn rude_server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut caller in listener.incoming().flatten() {
            let _ = caller.read(&mut [0; 4096]);
        }
    });
    port
}

fn source(name: &str, connection: &str) -> String {
    format!(
        r#"
[[source]]
name = "{name}"
sync_filter = "select ${{MAP}} from testpbx.contacts order by id desc"
field_map = {{ key = "id", last_name = "name", business_number = "phone" }}
phonebook = {{ new = {{ name = "of {name}" }} }}
connection = {{ sql_server = {{ {connection} }} }}
"#
    )
}

/// Two sources, with the password in its place and in a connection string.
fn document(port: u16) -> String {
    let fields = format!(
        r#"host = "127.0.0.1", port = {port}, database = "crm", user = "ringroute", password = "{PASSWORD}""#
    );
    let string = format!(
        r#"connection_string = "Server=tcp:127.0.0.1,{port};Database=crm;User Id=ringroute;Password={PASSWORD}""#
    );
    source("crm", &fields) + &source("by string", &string)
}

/// Documents in which it is in a wrong place, or with something wrong beside it.
fn wrong_documents(port: u16) -> Vec<String> {
    let string = format!("Server=tcp:127.0.0.1,{port};User Id=ringroute;Password={PASSWORD}");
    let rest = r#"database = "crm", user = "ringroute""#;
    vec![
        source("crm", &format!(r#"host = "{string}", password = "x", {rest}"#)),
        source("crm", &format!(r#"host = "a", password = ["{PASSWORD}"], {rest}"#)),
        source("crm", &format!(r#"host = "a", password = {{ a = "{PASSWORD}" }}, {rest}"#)),
        source("crm", &format!(r#"host = "a", port = 70000, password = "{PASSWORD}", {rest}"#)),
        source("crm", &format!(r#"host = "a", port = "{PASSWORD}", password = "x", {rest}"#)),
        source("crm", &format!(r#"host = "a", pasword = "{PASSWORD}", {rest}"#)),
        source("crm", &format!(r#"host = "a", password = "{PASSWORD}\n", {rest}"#)),
        source("crm", &format!(r#"host = "a", password = "env:{PASSWORD} ", {rest}"#))
            .replace("env:", "ENV:"),
        source("crm", &format!(r#"host = "a", password = "{PASSWORD}, {rest}"#)),
        source("crm", &format!(r#"connection_string = "{string}", password = "{PASSWORD}""#)),
        source("crm", "x = 1").replace("{ sql_server = { x = 1 } }", &format!("\"{string}\"")),
        source("crm", "x = 1")
            .replace("{ sql_server = { x = 1 } }", &format!("{{ sql_server = \"{string}\" }}")),
        source("crm", &format!(r#"host = "a", password = "{PASSWORD}", {rest}"#)).replace("phone\"", "\""),
    ]
}

#[test]
fn no_command_and_no_log_tells_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let port = rude_server();
    let program = Program::serve(folder.path(), &[]);
    let mut seen = Seen::default();
    let run = |seen: &mut Seen, arguments: &[&str], may_fail: bool| {
        let output = program.command(arguments).current_dir(folder.path()).output().unwrap();
        let text = printed(&output);
        assert!(may_fail || output.status.success(), "{arguments:?}: {text}");
        seen.add(arguments.join(" "), text);
    };
    std::fs::write(folder.path().join("settings.toml"), document(port)).unwrap();
    run(&mut seen, &["check", "-f", "settings.toml"], false);
    run(&mut seen, &["apply", "-f", "settings.toml", "--dry-run"], false);
    run(&mut seen, &["apply", "-f", "settings.toml"], false);
    let other = document(port).replace(PASSWORD, "another");
    std::fs::write(folder.path().join("other.toml"), other).unwrap();
    run(&mut seen, &["apply", "-f", "other.toml", "--dry-run"], false);
    for (number, wrong) in wrong_documents(port).into_iter().enumerate() {
        std::fs::write(folder.path().join("wrong.toml"), &wrong).unwrap();
        for arguments in [["check", "-f", "wrong.toml"], ["apply", "-f", "wrong.toml"]] {
            let output = program.command(&arguments).current_dir(folder.path()).output().unwrap();
            assert!(!output.status.success(), "document {number} is all right: {wrong}");
            seen.add(format!("{arguments:?} of {wrong}"), printed(&output));
        }
    }
    std::fs::write(folder.path().join("password"), PASSWORD).unwrap();
    let number = "--business-number=030 1234567";
    let commands: [&[&str]; 56] = [
        &["directory", "phonebooks", "1001"],
        &["directory", "contacts", "1001"],
        &["directory", "show", "1001", "1"],
        &["directory", "lookup", "1001", "030 1234567"],
        &["directory", "clients"],
        &["extensions"],
        &["extensions", "set", "1001", "--name", "Ada"],
        &["extensions", "grants"],
        &["extensions", "grant", "all", "--all-phonebooks", "--all-extensions"],
        &["extensions", "revoke", "all"],
        &["extensions", "remove", "1001"],
        &["export"],
        &["sources"],
        &["sources", "list"],
        &["sources", "test", "crm"],
        &["sources", "test", "by string"],
        &["sync", "run", "crm"],
        &["sync", "run", "by string"],
        &["sync", "preview", "crm"],
        &["sync", "watch", "1"],
        &["sync", "cancel", "1"],
        &["sync", "history"],
        &["sync", "show", "1"],
        &["match", "030 1234567"],
        &["route", "030 1234567", "--explain"],
        &["phonebooks"],
        &["phonebooks", "delete", "of crm"],
        &["contacts"],
        &["phonebooks", "create", "Mine"],
        &["contacts", "add", "--phonebook=Mine", "--company=Berg", number],
        &["contacts", "show", "1"],
        &["contacts", "edit", "1", "--city=Bonn"],
        &["contacts", "import", "settings.toml", "--phonebook=Mine"],
        &["contacts", "export"],
        &["contacts", "delete", "1"],
        &["phonebooks", "rename", "Mine", "Ours"],
        &["phonebooks", "delete", "Ours", "--with-contacts"],
        &["decisions"],
        &["notify", "test-mail", "ops@example.com"],
        &["notify", "test-webhook", "crm"],
        &["status"],
        &["token", "create", "ci", "--role", "lookup"],
        &["token", "list"],
        &["token", "revoke", "ci"],
        &["admin", "create", "ada", "--password=file:password"],
        &["admin", "create", "grace", "--role=viewer", "--password=file:password"],
        &["admin", "list"],
        &["admin", "role", "grace", "operator"],
        &["admin", "password", "grace", "--password=file:password"],
        &["admin", "sign-out", "grace"],
        &["admin", "delete", "grace"],
        &["apply", "-f", "settings.toml"],
        &["backup", "all.backup", "--overwrite"],
        &["backup", "all.backup", "--verify"],
        &["restore", "all.backup", "--data-folder=elsewhere"],
        &["audit"],
    ];
    for arguments in commands {
        run(&mut seen, arguments, true);
        run(&mut seen, &[arguments, &["--json"]].concat(), true);
    }
    // No command was forgotten.
    let help = String::from_utf8(ringroute(&["--help"]).output().unwrap().stdout).unwrap();
    let (_, names) = help.split_once("Commands:\n").unwrap();
    for name in names.lines().take_while(|line| !line.is_empty()).map(|line| line.split_whitespace().next()) {
        let name = name.unwrap();
        let is_tried = seen.0.iter().any(|(place, _)| place.split(' ').next() == Some(name));
        assert!(is_tried || ["help", "demo", "serve"].contains(&name), "{name} was not tried");
    }
    let log = program.end();
    assert!(log.contains("TRACE") || log.contains("DEBUG") || log.contains("INFO"), "{log}");
    seen.add("log", log);
    seen.assert_clean();
    assert!(is_in_the_store(folder.path()), "what is not kept proves nothing");
}

/// Whether the search finds the password where it has to be.
fn is_in_the_store(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder.join("data")).unwrap();
    files.flatten().any(|file| has_password(&std::fs::read(file.path()).unwrap()))
}

#[cfg(unix)]
#[test]
fn the_store_is_for_its_own_user_alone_wherever_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::set_permissions(folder.path().join("data"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let program = Program::serve(folder.path(), &[]);
    std::fs::write(folder.path().join("settings.toml"), document(1)).unwrap();
    let apply =
        program.command(&["apply", "-f", "settings.toml"]).current_dir(folder.path()).output().unwrap();
    assert!(apply.status.success(), "{}", printed(&apply));
    for file in std::fs::read_dir(folder.path().join("data")).unwrap().flatten() {
        let mode = file.metadata().unwrap().permissions().mode();
        let is_private = mode & 0o077 == 0 || file.path().extension().is_some_and(|kind| kind == "lock");
        assert!(is_private, "{}: {mode:o}", file.path().display());
    }
}

/// Messages of any type: what to call is written as data here.
#[derive(Clone)]
struct AnyMessage(MessageDescriptor);

impl Codec for AnyMessage {
    type Encode = DynamicMessage;
    type Decode = DynamicMessage;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        self.clone()
    }

    fn decoder(&mut self) -> Self {
        self.clone()
    }
}

impl Encoder for AnyMessage {
    type Item = DynamicMessage;
    type Error = tonic::Status;

    fn encode(&mut self, message: DynamicMessage, buffer: &mut EncodeBuf<'_>) -> Result<(), tonic::Status> {
        message.encode(buffer).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}

impl Decoder for AnyMessage {
    type Item = DynamicMessage;
    type Error = tonic::Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<DynamicMessage>, tonic::Status> {
        let message = DynamicMessage::decode(self.0.clone(), buffer);
        message.map(Some).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}

/// Calls a method with one message and returns all that comes back, be it an error, as text. On the wire
/// all four kinds of methods look like this.
async fn call(channel: &Channel, pool: &DescriptorPool, method: &str, request: serde_json::Value) -> String {
    let (service, name) = method.split_once('/').unwrap();
    let service = pool.get_service_by_name(&format!("ringroute.v1.{service}")).unwrap();
    let method = service.methods().find(|method| method.name() == name).unwrap();
    let message = DynamicMessage::deserialize(method.input(), request).unwrap();
    let path = format!("/{}/{}", service.full_name(), method.name()).parse().unwrap();
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let request = tonic::Request::new(tokio_stream::once(message));
    let mut answers = match client.streaming(request, path, AnyMessage(method.output())).await {
        Ok(answers) => answers,
        Err(status) => return format!("{status:?} {status}"),
    };
    let mut text = format!("{:?}", answers.metadata());
    loop {
        match answers.get_mut().message().await {
            Ok(Some(message)) => text += &serde_json::to_string(&message).unwrap(),
            Ok(None) => return text,
            Err(status) => return format!("{text} {status:?} {status}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rpc_tells_a_password() {
    let folder = tempfile::tempdir().unwrap();
    let port = rude_server();
    let program = Program::serve(folder.path(), &[]);
    let channel = Channel::from_shared(program.url.clone()).unwrap().connect().await.unwrap();
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let source = |name: &str, host: &str, password: &str| {
        serde_json::json!({
            "name": name,
            "syncFilter": "select ${MAP} from testpbx.contacts",
            "fieldMap": { "key": "id", "lastName": "name", "businessNumber": "phone" },
            "phonebook": { "newPhonebook": { "name": format!("of {name}") } },
            "connection": { "sqlServer": {
                "host": host, "port": port, "database": "crm", "user": "ringroute", "password": password,
            } },
        })
    };
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let apply = |document: String| serde_json::json!({ "document": document });
    let calls = [
        ("SyncService/CreateSource", serde_json::json!({ "source": source("crm", "127.0.0.1", PASSWORD) })),
        ("SyncService/CreateSource", serde_json::json!({ "source": source("CRM", "127.0.0.1", PASSWORD) })),
        ("SyncService/CreateSource", serde_json::json!({ "source": source("x", "a=b", PASSWORD) })),
        ("SyncService/CreateSource", serde_json::json!({ "source": source("x", PASSWORD, "\n") })),
        ("SyncService/GetSource", json(r#"{ "name": "crm" }"#)),
        ("SyncService/ListSources", json("{}")),
        ("SyncService/UpdateSource", serde_json::json!({ "source": source("crm", "127.0.0.1", "stored:") })),
        (
            "SyncService/UpdateSource",
            serde_json::json!({ "source": source("crm", "evil.example", "stored:") }),
        ),
        ("SyncService/UpdateSource", serde_json::json!({ "source": source("crm", "127.0.0.1", PASSWORD) })),
        ("SyncService/TestSource", json(r#"{ "name": "crm" }"#)),
        ("SyncService/TestSource", serde_json::json!({ "source": source("crm", "127.0.0.1", "stored:") })),
        ("SyncService/TestSource", serde_json::json!({ "source": source("crm", "evil.example", "stored:") })),
        ("SyncService/TestSource", serde_json::json!({ "source": source("new", "127.0.0.1", PASSWORD) })),
        ("SyncService/StartSync", json(r#"{ "source": "crm" }"#)),
        ("SyncService/WatchSync", json(r#"{ "runId": 1 }"#)),
        ("SyncService/PreviewSync", json(r#"{ "source": "crm" }"#)),
        ("SyncService/CancelSync", json(r#"{ "runId": 1 }"#)),
        ("SyncService/ListSyncRuns", json("{}")),
        ("SyncService/GetSyncRun", json(r#"{ "runId": 1 }"#)),
        ("SettingsService/ExportSettings", json("{}")),
        ("SettingsService/ApplySettings", apply(document(port))),
        ("SettingsService/ApplySettings", apply(document(port).replace(PASSWORD, "another"))),
        ("SettingsService/ApplySettings", apply(document(port))),
        ("SettingsService/ExportSettings", json("{}")),
        ("CallRoutingService/MatchCaller", json(r#"{ "caller": "030 1234567" }"#)),
        ("CallRoutingService/MatchCallers", json("{}")),
        ("CallRoutingService/RouteCall", json(r#"{ "caller": "030 1234567", "explain": true }"#)),
        ("CallRoutingService/RouteCalls", json("{}")),
        ("PhonebookService/ListPhonebooks", json("{}")),
        ("PhonebookService/GetPhonebook", json(r#"{ "name": "of crm" }"#)),
        ("PhonebookService/CreatePhonebook", json(r#"{ "name": "VIP" }"#)),
        ("PhonebookService/DeletePhonebook", json(r#"{ "name": "VIP" }"#)),
        ("PhonebookService/ListContacts", json("{}")),
        ("PhonebookService/GetContact", json("{}")),
        ("PhonebookService/CreatePhonebook", json(r#"{ "name": "Mine" }"#)),
        (
            "PhonebookService/CreateContact",
            json(
                r#"{ "contact": { "phonebooks": ["Mine"], "lastName": "Berg",
                     "numbers": [{ "label": "NUMBER_LABEL_MOBILE_NUMBER", "raw": "0171 2345678" }] } }"#,
            ),
        ),
        ("PhonebookService/UpdateContact", json(r#"{ "contact": { "contactId": 1 } }"#)),
        ("ContactService/GetContactRoutes", json(r#"{ "contactId": 1 }"#)),
        ("ContactService/ImportContacts", json(r#"{ "options": { "phonebook": "Mine" } }"#)),
        ("ContactService/ExportContacts", json("{}")),
        ("PhonebookService/DeleteContact", json(r#"{ "contactId": 1 }"#)),
        ("PhonebookService/UpdatePhonebook", json(r#"{ "name": "Mine", "newName": "Ours" }"#)),
        ("DirectorySettingsService/GetDirectorySettings", json("{}")),
        (
            "DirectorySettingsService/UpdateDirectorySettings",
            json(r#"{ "directorySettings": { "extensions": [{ "number": "1001" }] } }"#),
        ),
        ("DirectoryService/ListDirectoryPhonebooks", json(r#"{ "extension": "1001" }"#)),
        ("DirectoryService/ListDirectoryContacts", json(r#"{ "extension": "1001" }"#)),
        ("DirectoryService/GetDirectoryContact", json(r#"{ "extension": "1001", "contactId": 1 }"#)),
        ("DirectoryService/LookUpDirectoryNumber", json(r#"{ "extension": "1001", "number": "1" }"#)),
        ("DirectoryService/GetClientPolicy", json("{}")),
        ("RouteService/ListInboundRoutes", json("{}")),
        ("RouteService/GetInboundRoute", json(r#"{ "name": "Sales" }"#)),
        ("RouteService/CreateInboundRoute", json("{}")),
        ("RouteService/UpdateInboundRoute", json("{}")),
        ("RouteService/DeleteInboundRoute", json("{}")),
        ("RouteService/MoveInboundRoute", json("{}")),
        ("SyncService/GetSyncPreview", json(r#"{ "runId": 2 }"#)),
        ("SyncService/ListSyncPreviewChanges", json(r#"{ "runId": 2 }"#)),
        ("SyncService/ListSyncChanges", json(r#"{ "runId": 1 }"#)),
        ("SyncService/RollbackSync", json(r#"{ "runId": 1 }"#)),
        ("SyncService/GetQualityReport", json(r#"{ "source": "crm" }"#)),
        ("SyncService/ListQualityFindings", json(r#"{ "source": "crm" }"#)),
        ("CallRoutingService/ListDecisions", json("{}")),
        ("CallRoutingService/GetCallCounts", json("{}")),
        ("RouteService/CheckInboundRoutes", json("{}")),
        ("RoutingSettingsService/GetRoutingSettings", json("{}")),
        ("RoutingSettingsService/UpdateRoutingSettings", json("{}")),
        ("NotificationService/SendTestMail", json(r#"{ "address": "ops@example.com" }"#)),
        ("NotificationService/SendTestWebhook", json(r#"{ "source": "crm" }"#)),
        ("StatusService/GetStatus", json("{}")),
        ("TokenService/CreateToken", json(r#"{ "name": "ci", "role": "ROLE_LOOKUP" }"#)),
        ("TokenService/ListTokens", json("{}")),
        ("TokenService/RevokeToken", json(r#"{ "name": "ci" }"#)),
        (
            "UserService/CreateUser",
            json(&format!(r#"{{ "name": "ada", "role": "ROLE_ADMIN", "password": "{PASSWORD}" }}"#)),
        ),
        ("UserService/ListUsers", json("{}")),
        ("UserService/SetUserRole", json(r#"{ "name": "ada", "role": "ROLE_VIEWER" }"#)),
        ("UserService/SetUserPassword", json(&format!(r#"{{ "name": "ada", "password": "{PASSWORD}" }}"#))),
        ("UserService/SignOutUser", json(r#"{ "name": "ada" }"#)),
        ("UserService/DeleteUser", json(r#"{ "name": "ada" }"#)),
        ("SyncService/DeleteSource", json(r#"{ "name": "crm" }"#)),
        ("BackupService/TakeBackup", json("{}")),
        ("AuditService/ListAuditEntries", json("{}")),
    ];
    let mut seen = Seen::default();
    for (method, request) in &calls {
        seen.add(*method, call(&channel, &pool, method, request.clone()).await);
    }
    for (number, wrong) in wrong_documents(port).into_iter().enumerate() {
        let answer = call(&channel, &pool, "SettingsService/ApplySettings", apply(wrong)).await;
        assert!(answer.contains("InvalidArgument"), "document {number} is all right: {answer}");
        seen.add(format!("wrong document {number}"), answer);
    }
    let read = &seen.0[4].1;
    assert!(read.contains("\"password\":\"stored:\""), "{read}");
    let refused = &seen.0[7].1;
    assert!(refused.contains("InvalidArgument") && refused.contains("host is another"), "{refused}");
    let refused = &seen.0[11].1;
    assert!(refused.contains("InvalidArgument") && refused.contains("host is another"), "{refused}");
    let another = &seen.0[21].1;
    assert!(another.contains("connection.sql_server.password: another secret"), "{another}");

    let (_, audited) = seen.0.iter().find(|(place, _)| place.starts_with("AuditService")).unwrap();
    assert!(audited.contains("another secret") && audited.contains("AUDIT_ACTION_REMOVED"), "{audited}");

    // No method was forgotten.
    let tried: BTreeSet<&str> = calls.iter().map(|(method, _)| *method).collect();
    for service in pool.services().filter(|service| service.package_name() == "ringroute.v1") {
        for method in service.methods() {
            let name = format!("{}/{}", service.name(), method.name());
            assert!(tried.contains(name.as_str()), "{name} was not tried");
        }
    }
    drop(channel);
    seen.add("log", program.end());
    seen.assert_clean();
    assert!(is_in_the_store(folder.path()), "what is not kept proves nothing");
}
