//! Users, over a real store.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::*;
use crate::audit::AuditAction;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PASSWORD: &str = "correct horse battery";

fn engine() -> (tempfile::TempDir, Arc<Engine>) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path()).unwrap();
    (folder, engine)
}

#[tokio::test]
async fn a_user_signs_in_with_the_password_in_any_case_of_the_name_and_is_known_by_the_token() {
    let (_folder, engine) = engine();
    engine.by("test").create_user("Ada", Role::Operator, PASSWORD).unwrap();
    let token = engine.sign_in("ada", PASSWORD, HERE).await.unwrap();
    let session = engine.session(&token).unwrap();
    assert_eq!((session.name.as_str(), session.role), ("Ada", Role::Operator));
    assert!(engine.session("another").is_none());
    assert_eq!(engine.users()[0].sessions, 1);
    engine.sign_out(session.key).unwrap();
    assert!(engine.session(&token).is_none());
}

#[tokio::test]
async fn nobody_learns_from_a_failed_sign_in_whether_there_is_such_a_user() {
    let (_folder, engine) = engine();
    engine.by("test").create_user("ada", Role::Admin, PASSWORD).unwrap();
    let mut told = Vec::new();
    for name in ["ada", "nobody"] {
        for _ in 0..6 {
            told.push(engine.sign_in(name, "wrong wrong wrong", HERE).await.unwrap_err().to_string());
        }
    }
    assert_eq!(told[..6], told[6..]);
    assert!(told[5].contains("too many tries"), "{}", told[5]);
    // Not even with the right one.
    assert!(engine.sign_in("ada", PASSWORD, HERE).await.is_err());
}

#[tokio::test]
async fn another_password_ends_every_session_but_the_one_that_set_it() {
    let (_folder, engine) = engine();
    engine.by("test").create_user("ada", Role::Admin, PASSWORD).unwrap();
    let first = engine.sign_in("ada", PASSWORD, HERE).await.unwrap();
    let second = engine.sign_in("ada", PASSWORD, HERE).await.unwrap();
    let kept = engine.session(&first).unwrap().key;
    engine.by("test").set_password("ada", "another good one", Some(kept)).unwrap();
    assert!(engine.session(&first).is_some());
    assert!(engine.session(&second).is_none());
    assert!(engine.sign_in("ada", PASSWORD, HERE).await.is_err());
    engine.by("test").sign_out_everywhere("ada").unwrap();
    assert!(engine.session(&first).is_none());
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_once_and_a_deleted_user_is_signed_out() {
    let (_folder, engine) = engine();
    engine.by("test").create_user("ada", Role::Admin, PASSWORD).unwrap();
    engine.by("test").create_user("grace", Role::Admin, PASSWORD).unwrap();
    let token = engine.sign_in("grace", PASSWORD, HERE).await.unwrap();
    engine.by("test").set_role("grace", Role::Viewer).unwrap();
    assert_eq!(engine.session(&token).unwrap().role, Role::Viewer);
    engine.by("test").delete_user("grace").unwrap();
    assert!(engine.session(&token).is_none());
    let demoted = engine.by("test").set_role("ada", Role::Viewer).map(drop);
    for refused in [engine.by("test").delete_user("ada"), demoted] {
        assert!(refused.unwrap_err().to_string().contains("only administrator"));
    }
}

/// Waits until what goes on behind the answers is written.
async fn written(engine: &Arc<Engine>) {
    while Arc::strong_count(engine) > 1 {
        tokio::task::yield_now().await;
    }
}

/// Lets go of the store, once all is written.
async fn close(engine: Arc<Engine>) {
    written(&engine).await;
}

#[tokio::test]
async fn sessions_outlive_the_process_and_only_their_hashes_are_stored() {
    let (folder, engine) = engine();
    engine.by("test").create_user("ada", Role::Admin, PASSWORD).unwrap();
    let token = engine.sign_in("ada", PASSWORD, HERE).await.unwrap();
    close(engine).await;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [token.as_bytes(), PASSWORD.as_bytes()] {
            assert!(!content.windows(secret.len()).any(|part| part == secret));
        }
    }
    let again = Engine::open(folder.path()).unwrap();
    assert_eq!(again.session(&token).unwrap().name, "ada");
    again.by("test").sign_out_everywhere("ada").unwrap();
    close(again).await;
    assert!(Engine::open(folder.path()).unwrap().session(&token).is_none());
}

#[tokio::test]
async fn a_session_that_newer_ones_ended_does_not_come_back_with_the_next_process() {
    let (folder, engine) = engine();
    engine.by("test").create_user("ada", Role::Admin, PASSWORD).unwrap();
    let user = engine.accounts.user_named("ada").unwrap();
    let oldest = engine.begin_session(&user).unwrap();
    written(&engine).await;
    let newer = [(); sessions::MAX_SESSIONS_PER_USER].map(|()| engine.begin_session(&user).unwrap());
    assert!(engine.session(&oldest).is_none());
    close(engine).await;
    let again = Engine::open(folder.path()).unwrap();
    assert!(again.session(&oldest).is_none());
    assert!(newer.iter().all(|token| again.session(token).is_some()));
}

#[tokio::test]
async fn the_first_administrator_gets_in_once_by_the_link() {
    let (_folder, engine) = engine();
    let old = engine.offer_first_sign_in().unwrap();
    let token = engine.offer_first_sign_in().unwrap();
    assert!(!engine.is_first_sign_in(&old) && engine.is_first_sign_in(&token));
    assert!(engine.create_first_administrator("guessed", "ada", PASSWORD).is_err());
    assert!(engine.create_first_administrator(&token, "ada", "short").is_err());
    let session = engine.create_first_administrator(&token, "ada", PASSWORD).unwrap();
    assert_eq!(engine.session(&session).unwrap().role, Role::Admin);
    let again = engine.create_first_administrator(&token, "eve", PASSWORD).unwrap_err();
    assert!(again.to_string().contains("not good any more"), "{again}");
    assert_eq!(engine.offer_first_sign_in(), None);
}

#[tokio::test]
async fn whoever_lost_every_password_makes_a_user_while_no_server_runs() {
    let (folder, engine) = engine();
    engine.by("test").create_user("ada", Role::Admin, PASSWORD).unwrap();
    assert!(OfflineUsers::open(folder.path()).is_err(), "a server has it open");
    drop(engine);
    let password = generated_password();
    let users = OfflineUsers::open(folder.path()).unwrap();
    users.create("grace", Role::Admin, &password).unwrap();
    assert!(matches!(users.create("Ada", Role::Admin, &password), Err(EngineError::AlreadyExists { .. })));
    assert!(users.create("edsger", Role::Lookup, &password).unwrap_err().to_string().contains("role"));
    drop(users);
    let engine = Engine::open(folder.path()).unwrap();
    let token = engine.sign_in("grace", &password, HERE).await.unwrap();
    assert_eq!(engine.session(&token).unwrap().role, Role::Admin);
    assert_ne!(password, generated_password());
}

#[test]
fn what_becomes_of_users_is_audited_without_their_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(folder.path()).unwrap();
    let admin = engine.by("admin");
    admin.create_user("ada", Role::Admin, PASSWORD).unwrap();
    admin.create_user("grace", Role::Viewer, PASSWORD).unwrap();
    admin.set_role("GRACE", Role::Operator).unwrap();
    admin.set_password("grace", "another good one", None).unwrap();
    admin.sign_out_everywhere("grace").unwrap();
    admin.delete_user("grace").unwrap();
    assert!(admin.delete_user("ada").is_err(), "nobody else is an administrator");

    let filter = crate::store::AuditFilter { limit: 100, ..Default::default() };
    let entries = engine.read(|reading| reading.audit_entries(&filter)).unwrap();
    let done: Vec<_> =
        entries.iter().rev().map(|entry| (entry.event.action, entry.event.subject.as_str())).collect();
    let (ada, grace) = (r#"user "ada""#, r#"user "grace""#);
    let expected = [
        (AuditAction::Added, ada),
        (AuditAction::Added, grace),
        (AuditAction::Changed, grace),
        (AuditAction::Changed, grace),
        (AuditAction::Cancelled, r#"sessions of user "grace""#),
        (AuditAction::Removed, grace),
    ];
    assert_eq!(done, expected);
    let text = format!("{entries:?}");
    assert!(!text.contains(PASSWORD) && !text.contains("another good one"), "{text}");
    assert!(!text.contains("argon2"), "{text}");
}
