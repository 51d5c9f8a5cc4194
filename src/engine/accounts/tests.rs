//! Users, over a real store.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::*;

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
    engine.create_user("Ada", Role::Operator, PASSWORD).unwrap();
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
    engine.create_user("ada", Role::Admin, PASSWORD).unwrap();
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
    engine.create_user("ada", Role::Admin, PASSWORD).unwrap();
    let first = engine.sign_in("ada", PASSWORD, HERE).await.unwrap();
    let second = engine.sign_in("ada", PASSWORD, HERE).await.unwrap();
    let kept = engine.session(&first).unwrap().key;
    engine.set_password("ada", "another good one", Some(kept)).unwrap();
    assert!(engine.session(&first).is_some());
    assert!(engine.session(&second).is_none());
    assert!(engine.sign_in("ada", PASSWORD, HERE).await.is_err());
    engine.sign_out_everywhere("ada").unwrap();
    assert!(engine.session(&first).is_none());
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_once_and_a_deleted_user_is_signed_out() {
    let (_folder, engine) = engine();
    engine.create_user("ada", Role::Admin, PASSWORD).unwrap();
    engine.create_user("grace", Role::Admin, PASSWORD).unwrap();
    let token = engine.sign_in("grace", PASSWORD, HERE).await.unwrap();
    engine.set_role("grace", Role::Viewer).unwrap();
    assert_eq!(engine.session(&token).unwrap().role, Role::Viewer);
    engine.delete_user("grace").unwrap();
    assert!(engine.session(&token).is_none());
    for refused in [engine.delete_user("ada"), engine.set_role("ada", Role::Viewer)] {
        assert!(refused.unwrap_err().to_string().contains("only administrator"));
    }
}

#[tokio::test]
async fn sessions_outlive_the_process_and_only_their_hashes_are_stored() {
    let (folder, engine) = engine();
    engine.create_user("ada", Role::Admin, PASSWORD).unwrap();
    let token = engine.sign_in("ada", PASSWORD, HERE).await.unwrap();
    // The writer is given in turn, so this comes after what was begun before.
    while engine.read(|reading| reading.sessions()).unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    drop(engine);
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [token.as_bytes(), PASSWORD.as_bytes()] {
            assert!(!content.windows(secret.len()).any(|part| part == secret));
        }
    }
    let again = Engine::open(folder.path()).unwrap();
    assert_eq!(again.session(&token).unwrap().name, "ada");
    again.sign_out_everywhere("ada").unwrap();
    drop(again);
    assert!(Engine::open(folder.path()).unwrap().session(&token).is_none());
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
