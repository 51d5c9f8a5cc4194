//! Backups over gRPC: one at a time, for administrators, and nothing left of those that nobody took.

use std::time::Duration;

use ringroute::access::Role;
use ringroute::api::proto::v1;
use ringroute::api::proto::v1::backup_service_client::BackupServiceClient;
use ringroute::api::proto::v1::take_backup_response::Part;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Code, Request, Status, Streaming};

use crate::support::{COMPANY, Server, make_company};

type Parts = Streaming<v1::TakeBackupResponse>;

async fn take(server: &Server) -> Result<Parts, Status> {
    let mut client = BackupServiceClient::new(server.channel().await);
    client.take_backup(v1::TakeBackupRequest {}).await.map(tonic::Response::into_inner)
}

/// The description, and how many bytes the file has.
async fn whole(mut parts: Parts) -> Result<(v1::Backup, u64), Status> {
    let (mut backup, mut bytes) = (None, 0);
    while let Some(message) = parts.message().await? {
        match message.part.unwrap() {
            Part::Backup(about) => {
                assert!(backup.is_none() && bytes == 0, "the description comes first, and once");
                backup = Some(about);
            }
            Part::Data(data) => bytes += data.len() as u64,
        }
    }
    Ok((backup.unwrap(), bytes))
}

/// More than there is room for on the way to a client.
async fn with_a_large_store() -> Server {
    let server = Server::start_with_company().await;
    make_company(&server.company(), &COMPANY);
    let company = rusqlite::Connection::open(server.company()).unwrap();
    let many = "WITH RECURSIVE number (id) AS (SELECT 100 UNION ALL SELECT id + 1 FROM number LIMIT 20000)
        INSERT INTO people SELECT id, 'Some', 'Body ' || id, '', '+4930' || (1000000 + id), 'Sales' FROM number";
    company.execute(many, []).unwrap();
    server.synchronise("crm").await;
    server
}

fn copies(server: &Server) -> usize {
    let files = std::fs::read_dir(server.path("data")).unwrap().map(|entry| entry.unwrap().file_name());
    files.filter(|name| name.to_str().unwrap().starts_with(".ringroute-scratch-")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_is_taken_at_a_time_and_nothing_is_left_of_one_that_is_given_up() {
    let server = with_a_large_store().await;
    let mut slow = take(&server).await.unwrap();
    slow.message().await.unwrap();
    let refused = take(&server).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    assert!(refused.message().contains("a backup is being taken already"), "{refused}");
    assert_eq!(copies(&server), 1);
    // Calls do not wait for it.
    let request = v1::MatchCallerRequest { caller: "+49301000100".into(), trunk: String::new() };
    let matched = server.calls().await.match_caller(request).await.unwrap().into_inner();
    assert_eq!(matched.contacts[0].display_name, "Some Body 100");

    drop(slow);
    let next = async {
        loop {
            match take(&server).await {
                Ok(parts) => return whole(parts).await.unwrap(),
                Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status}"),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let (backup, bytes) = tokio::time::timeout(Duration::from_secs(60), next).await.unwrap();
    assert!(backup.contacts > 20_000, "{backup:?}");
    assert_eq!((backup.phonebooks, backup.sources, backup.inbound_routes), (2, 1, 3));
    assert!(bytes > backup.store_bytes && backup.store_bytes > 1_000_000, "{bytes} {}", backup.store_bytes);
    assert_eq!(copies(&server), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_ends_a_backup_with_an_error_and_leaves_nothing() {
    let server = with_a_large_store().await;
    let mut slow = take(&server).await.unwrap();
    slow.message().await.unwrap();
    server.begin_stop();
    let ended = whole_of_the_rest(slow).await.unwrap_err();
    assert_eq!(ended.code(), Code::Aborted, "{ended}");
    let folder = server.stop().await;
    let names =
        std::fs::read_dir(folder.path().join("data")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_str().unwrap().starts_with(".ringroute-scratch-")));
}

async fn whole_of_the_rest(mut parts: Parts) -> Result<(), Status> {
    while parts.message().await?.is_some() {}
    Ok(())
}

#[tokio::test]
async fn only_an_administrator_takes_backups() {
    let server = Server::start_with_company_and_required_tokens().await;
    for role in Role::ALL {
        let token: AsciiMetadataValue = format!("Bearer {}", server.token(role).await).parse().unwrap();
        let mut request = Request::new(v1::TakeBackupRequest {});
        request.metadata_mut().insert("authorization", token);
        let taken = BackupServiceClient::new(server.channel().await).take_backup(request).await;
        match (role, taken) {
            (Role::Admin, Ok(parts)) => drop(whole(parts.into_inner()).await.unwrap()),
            (Role::Admin, Err(status)) => panic!("{status}"),
            (role, Ok(_)) => panic!("{role} has taken a backup"),
            (_, Err(status)) => assert_eq!(status.code(), Code::PermissionDenied, "{role}: {status}"),
        }
    }
}
