//! SQL Server sources through gRPC: what is checked before it is saved, and what a test tells.

use ringroute::api::proto::v1;
use tds_test_server::Server as SqlServer;
use tonic::Code;

use crate::database::run_on;
use crate::support::Server;

/// A server with a table of one contact.
fn sql_server() -> SqlServer {
    let server = SqlServer::start().unwrap();
    run_on(
        &server,
        "CREATE TABLE dbo.people (id int NOT NULL, name nvarchar(63), tel varchar(31), picture varbinary(9));
         INSERT INTO dbo.people VALUES (1, N'Ada', '+49 30 901820', NULL);",
    );
    server
}

fn source(server: &SqlServer, last_name: &str) -> v1::Source {
    let connection =
        v1::SqlServerConnection { connection_string: server.connection_string(), ..Default::default() };
    let kind = v1::connection::Kind::SqlServer(connection);
    let target = v1::phonebook_target::Target::NewPhonebook(v1::NewPhonebook { name: "All".into() });
    v1::Source {
        name: "crm".into(),
        sync_filter: "select ${MAP} from dbo.people order by id desc".into(),
        connection: Some(v1::Connection { kind: Some(kind) }),
        field_map: Some(v1::FieldMap {
            key: "id".into(),
            last_name: last_name.into(),
            business_number: "tel".into(),
            ..Default::default()
        }),
        phonebook: Some(v1::PhonebookTarget { target: Some(target) }),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_column_that_is_not_there_is_not_saved() {
    let (server, sql_server) = (Server::start().await, sql_server());
    let mut client = server.sync().await;
    for (column, expected) in [("nmae", "did you mean \"name\"?"), ("picture", "holds bytes, not text")] {
        let request = v1::CreateSourceRequest { source: Some(source(&sql_server, column)) };
        let refused = client.create_source(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        let message = refused.message();
        assert!(message.contains("field_map.last_name") && message.contains(expected), "{message}");
    }
    let sources = client.list_sources(v1::ListSourcesRequest::default()).await.unwrap().into_inner().sources;
    assert!(sources.is_empty(), "{sources:?}");

    let request = v1::CreateSourceRequest { source: Some(source(&sql_server, "name")) };
    let created = client.create_source(request).await.unwrap().into_inner();
    assert!(created.warnings.is_empty(), "{:?}", created.warnings);
    let changed = v1::Source { etag: String::new(), ..source(&sql_server, "nmae") };
    let request = v1::UpdateSourceRequest { source: Some(changed), ..Default::default() };
    assert_eq!(client.update_source(request).await.unwrap_err().code(), Code::InvalidArgument);
    let run = server.synchronise("crm").await;
    assert_eq!(run.state(), v1::SyncRunState::Succeeded, "{}", run.failure);
}

#[tokio::test]
async fn a_server_that_is_away_is_a_warning() {
    let (server, sql_server) = (Server::start().await, sql_server());
    let mut wanted = source(&sql_server, "whatever");
    // Nobody listens there any more.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    drop(socket);
    let kind = v1::connection::Kind::SqlServer(v1::SqlServerConnection {
        connection_string: format!("Server=127.0.0.1,{port};Database=d;User ID=u;Password=hunter2"),
        ..Default::default()
    });
    wanted.connection = Some(v1::Connection { kind: Some(kind) });
    let request = v1::CreateSourceRequest { source: Some(wanted) };
    let created = server.sync().await.create_source(request).await.unwrap().into_inner();
    let [warning] = &created.warnings[..] else { panic!("{:?}", created.warnings) };
    assert!(warning.contains("source \"crm\" was not checked at its server"), "{warning}");
    assert!(warning.contains("refused") && !warning.contains("hunter2"), "{warning}");

    // As part of a document, too; and when the secret is not there yet.
    let document = format!(
        "[[source]]
         name = 'other'
         connection = {{ sql_server = {{ host = '127.0.0.1', port = {port}, database = 'd', user = 'u', password = 'PASSWORD' }} }}
         sync_filter = 'select ${{MAP}} from dbo.people'
         field_map = {{ last_name = 'name', business_number = 'tel' }}
         phonebook = {{ new = {{ name = 'Others' }} }}"
    );
    for (password, expected) in
        [("p", "refused"), ("env:RINGROUTE_NO_SUCH_VARIABLE", "RINGROUTE_NO_SUCH_VARIABLE")]
    {
        let applied = server.apply(&document.replace("PASSWORD", password)).await;
        let [warning] = &applied.source_warnings[..] else { panic!("{:?}", applied.source_warnings) };
        assert!(applied.applied && warning.contains("source \"other\" was not checked"), "{warning}");
        assert!(warning.contains(expected), "{warning}");
    }
}

#[tokio::test]
async fn a_test_tells_who_answered_and_what_is_encrypted() {
    let (server, sql_server) = (Server::start().await, sql_server());
    let subject = v1::test_source_request::Subject::Source(source(&sql_server, "name"));
    let request = v1::TestSourceRequest { subject: Some(subject) };
    let tested = server.sync().await.test_source(request).await.unwrap().into_inner();
    assert!(tested.succeeded, "{}", tested.failure);
    let reached = tested.server.unwrap();
    assert!(reached.version.starts_with("Microsoft SQL Server"), "{}", reached.version);
    assert_eq!(reached.encryption(), v1::SqlServerEncryption::Required);
    assert_eq!((tested.row_count, tested.rows.len()), (1, 1));
    let people = tested.tables.iter().find(|table| table.name == "dbo.people").unwrap();
    assert!(people.columns.iter().any(|column| column.name == "tel" && column.r#type == "varchar(31)"));
}
