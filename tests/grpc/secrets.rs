//! `SyncService` and `SettingsService`: secrets that are stored stay as they are, and are shown to nobody.

use ringroute::api::proto::v1;
use ringroute::settings::{Connection, Settings};
use tonic::Code;

use crate::support::{Server, company_source};

const PASSWORD: &str = "Kr0kodil-im-Teich-17";

fn source(password: &str) -> v1::Source {
    let connection = v1::SqlServerConnection {
        host: "sql.example.com".into(),
        database: "crm".into(),
        user: "ringroute".into(),
        password: password.into(),
        ..Default::default()
    };
    let kind = Some(v1::connection::Kind::SqlServer(connection));
    v1::Source {
        connection: Some(v1::Connection { kind }),
        sync_filter: "select ${MAP} from testpbx.contacts".into(),
        ..company_source("crm", "".as_ref())
    }
}

fn connection(source: &mut v1::Source) -> &mut v1::SqlServerConnection {
    match source.connection.as_mut().unwrap().kind.as_mut().unwrap() {
        v1::connection::Kind::SqlServer(connection) => connection,
        other => panic!("{other:?}"),
    }
}

/// What the store has, in the clear.
fn kept(server: &Server) -> Option<String> {
    let settings = server.engine.settings().unwrap();
    let Connection::SqlServer(connection) = &settings.sources[0].connection else { panic!("another kind") };
    connection.password.as_ref().unwrap().typed_in().map(str::to_owned)
}

async fn create(server: &Server, source: v1::Source) -> v1::Source {
    let request = v1::CreateSourceRequest { source: Some(source) };
    server.sync().await.create_source(request).await.unwrap().into_inner().source.unwrap()
}

async fn update(server: &Server, source: v1::Source) -> Result<v1::Source, tonic::Status> {
    let request = v1::UpdateSourceRequest { source: Some(source), name: "crm".into(), ..Default::default() };
    Ok(server.sync().await.update_source(request).await?.into_inner().source.unwrap())
}

async fn export(server: &Server) -> String {
    let request = v1::ExportSettingsRequest {};
    server.settings_client().await.export_settings(request).await.unwrap().into_inner().document
}

#[tokio::test]
async fn what_was_read_can_be_sent_back_and_keeps_the_password() {
    let server = Server::start().await;
    let mut read = create(&server, source(PASSWORD)).await;
    assert_eq!(connection(&mut read).password, "stored:");
    connection(&mut read).database = "other".into();
    let renamed = v1::Source { name: "customers".into(), default_region: "GB".into(), ..read };
    let mut changed = update(&server, renamed).await.unwrap();
    assert_eq!(changed.name, "customers");
    assert_eq!(connection(&mut changed).database, "other");
    assert_eq!(kept(&server).as_deref(), Some(PASSWORD));
    let server = server.restart().await;
    assert_eq!(kept(&server).as_deref(), Some(PASSWORD));
}

#[tokio::test]
async fn export_and_apply_change_nothing() {
    let server = Server::start().await;
    create(&server, source(PASSWORD)).await;
    let document = export(&server).await;
    assert!(document.contains("password = \"stored:\""), "{document}");
    let applied = server.apply(&document).await;
    assert!(!applied.applied && applied.changes.is_empty(), "{applied:?}");
    assert_eq!((kept(&server).as_deref(), export(&server).await), (Some(PASSWORD), document.clone()));
    // Nor do they when something else changes.
    let other = document.replace("testpbx.contacts", "testpbx.people");
    assert_eq!(server.apply(&other).await.changes.len(), 1);
    assert_eq!(kept(&server).as_deref(), Some(PASSWORD));
}

#[tokio::test]
async fn another_password_takes_the_place_of_the_stored_one() {
    let server = Server::start().await;
    create(&server, source(PASSWORD)).await;
    update(&server, source("another")).await.unwrap();
    assert_eq!(kept(&server).as_deref(), Some("another"));
    let document = export(&server).await;
    let changes = server.apply(&document.replace("stored:", "third")).await.changes;
    assert_eq!(changes[0].details, ["connection.sql_server.password: another secret"]);
    assert_eq!(kept(&server).as_deref(), Some("third"));
    let changes = server.apply(&document.replace("stored:", "env:SQL_PASSWORD")).await.changes;
    assert_eq!(changes[0].details, ["connection.sql_server.password: \"stored:\" -> \"env:SQL_PASSWORD\""]);
    assert_eq!(kept(&server), None);
    assert!(export(&server).await.contains("password = \"env:SQL_PASSWORD\""));
}

#[tokio::test]
async fn stored_without_anything_stored_is_refused() {
    let server = Server::start().await;
    let request = v1::CreateSourceRequest { source: Some(source("stored:")) };
    let status = server.sync().await.create_source(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("for a source of this name there is none"), "{status:?}");
    create(&server, source(PASSWORD)).await;
    // Another name is another source, and would leave the first without one.
    let document = export(&server).await.replace("name = \"crm\"", "name = \"erp\"");
    let request = v1::ApplySettingsRequest { document, ..Default::default() };
    let status = server.settings_client().await.apply_settings(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(status.message().contains("source \"erp\", connection.sql_server.password: "), "{status:?}");
    assert_eq!(kept(&server).as_deref(), Some(PASSWORD));
}

/// Whoever may change settings could have the password sent to a server of their own.
#[tokio::test]
async fn a_stored_password_is_not_sent_to_another_host() {
    let server = Server::start().await;
    create(&server, source(PASSWORD)).await;
    let elsewhere = || {
        let mut source = source("stored:");
        connection(&mut source).host = "127.0.0.1".into();
        source
    };
    let mut sync = server.sync().await;
    let subject = Some(v1::test_source_request::Subject::Source(elsewhere()));
    let tested = sync.test_source(v1::TestSourceRequest { subject }).await.unwrap_err();
    let updated = update(&server, elsewhere()).await.unwrap_err();
    let document = export(&server).await.replace("sql.example.com", "127.0.0.1");
    let request = v1::ApplySettingsRequest { document, ..Default::default() };
    let applied = server.settings_client().await.apply_settings(request).await.unwrap_err();
    for status in [tested, updated, applied] {
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains("host is another than the stored secret"), "{status:?}");
    }
    // With the password written in again it is another matter.
    let mut given = elsewhere();
    connection(&mut given).password = "another".into();
    update(&server, given).await.unwrap();
    assert_eq!(kept(&server).as_deref(), Some("another"));
}

/// A hash of it would let whoever reads the etag try passwords at home.
#[tokio::test]
async fn an_etag_does_not_depend_on_the_password() {
    let server = Server::start().await;
    let first = create(&server, source(PASSWORD)).await;
    let second = update(&server, source("another")).await.unwrap();
    assert_eq!(first.etag, second.etag);
}

#[tokio::test]
async fn the_form_of_the_settings_themselves_has_no_password() {
    let server = Server::start().await;
    create(&server, source(PASSWORD)).await;
    let settings: Settings = server.engine.settings().unwrap();
    for text in
        [format!("{settings:?}"), serde_json::to_string(&settings).unwrap(), settings.to_toml().unwrap()]
    {
        assert!(text.contains("stored:") && !text.contains(PASSWORD), "{text}");
    }
}
