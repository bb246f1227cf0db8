//! The contract of users and sign-ins, on every SQL engine.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sms_login::account_store::AccountStore;
use sms_login::client::ClientAddress;
use sms_login::database::Database;
use sms_login::phone::PhoneNumber;
use sms_login::sessions::NewSession;
use sms_login::store::StoreError;
use sms_login::users::{NewUser, User};
use tempfile::TempDir;
use uuid::Uuid;

use crate::app::{START, phone};
use crate::servers;

/// The store of one SQL engine.
#[derive(Clone)]
pub(crate) struct Engine {
    pub(crate) accounts: Arc<AccountStore>,
    _folder: Arc<TempDir>,
}

/// Creates an empty store on each engine.
pub(crate) async fn engines() -> Vec<Engine> {
    let folder = Arc::new(TempDir::new().expect("a folder"));
    let sqlite = Database::open_file(&folder.path().join("test.db")).await.expect("SQLite");
    let mysql = Database::open(&servers::mariadb().create_database()).await.expect("MariaDB");
    let mut engines = Vec::new();
    for database in [sqlite, mysql] {
        database.migrate().await.expect("tables");
        let accounts = Arc::new(AccountStore::new(database));
        engines.push(Engine { accounts, _folder: Arc::clone(&folder) });
    }
    engines
}

pub(crate) fn start() -> Timestamp {
    START.parse().expect("a time")
}

pub(crate) fn new_user(phone: &str) -> NewUser {
    let phone = PhoneNumber::from_e164(phone.to_owned()).expect("a phone");
    NewUser { id: Uuid::new_v4(), phone, avatar: "https://example.com/a.png".to_owned() }
}

pub(crate) fn new_session(at: Timestamp) -> NewSession {
    NewSession {
        id: Uuid::new_v4(),
        salt: sms_login::random::bytes(),
        device_name: Some("Büro 📱".to_owned()),
        address: ClientAddress::from("2001:db8::1".parse::<std::net::IpAddr>().expect("an address")),
        created_at: at,
        expires_at: at + Duration::from_hours(24),
    }
}

pub(crate) async fn sign_in(engine: &Engine, phone: &str, at: Timestamp) -> (User, bool, NewSession) {
    let session = new_session(at);
    let (user, is_new) = engine.accounts.sign_in(&new_user(phone), &session).await.expect("a sign-in");
    (user, is_new, session)
}

#[tokio::test]
async fn a_phone_has_one_user() {
    for engine in engines().await {
        let phone = phone();
        let (first, is_new, _) = sign_in(&engine, &phone, start()).await;
        assert!(is_new);
        assert_eq!((first.name.as_str(), first.created_at, first.last_login_at), ("", start(), start()));
        let later = start() + Duration::from_millis(1234);
        let (again, is_new, _) = sign_in(&engine, &phone, later).await;
        assert!(!is_new);
        assert_eq!(again, User { last_login_at: later, ..first });
        assert_eq!(engine.accounts.find_users(&[again.id]).await.expect("users"), [again]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_first_sign_ins_make_one_user() {
    for engine in engines().await {
        let phone = phone();
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (engine, phone) = (engine.clone(), phone.clone());
                tokio::spawn(async move { sign_in(&engine, &phone, start()).await })
            })
            .collect();
        let (mut ids, mut new) = (HashSet::new(), 0);
        for task in tasks {
            let (user, is_new, session) = task.await.expect("a sign-in");
            ids.insert(user.id);
            new += usize::from(is_new);
            let live = engine.accounts.find_live_user(session.id, start()).await.expect("a session");
            assert_eq!(live.expect("it lives").id, user.id);
        }
        assert_eq!((ids.len(), new), (1, 1));
    }
}

#[tokio::test]
async fn a_session_that_cannot_be_stored_leaves_no_user() {
    for engine in engines().await {
        let (other, first) = (phone(), sign_in(&engine, &phone(), start()).await);
        let user = new_user(&other);
        let refused = engine.accounts.sign_in(&user, &first.2).await;
        assert!(matches!(refused, Err(StoreError::Refused(_) | StoreError::Unavailable(_))), "{refused:?}");
        assert!(engine.accounts.find_users(&[user.id]).await.expect("users").is_empty(), "both or nothing");
        let (_, is_new, _) = sign_in(&engine, &other, start()).await;
        assert!(is_new);
    }
}

#[tokio::test]
async fn many_users_are_found_at_once_and_strangers_left_out() {
    for engine in engines().await {
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(sign_in(&engine, &phone(), start()).await.0.id);
        }
        let wanted = [ids.clone(), vec![Uuid::new_v4()]].concat();
        let found: HashSet<Uuid> =
            engine.accounts.find_users(&wanted).await.expect("users").iter().map(|user| user.id).collect();
        assert_eq!(found, ids.into_iter().collect());
    }
}

#[tokio::test]
async fn a_session_lives_until_it_ends_or_expires() {
    for engine in engines().await {
        let (user, _, session) = sign_in(&engine, &phone(), start()).await;
        let live =
            async |at| engine.accounts.find_live_user(session.id, at).await.expect("an answer").map(|user| user.id);
        assert_eq!(live(session.expires_at - Duration::from_millis(1)).await, Some(user.id));
        assert_eq!(live(session.expires_at).await, None);
        engine.accounts.end_session(session.id, start()).await.expect("an end");
        assert_eq!(live(start()).await, None);
        let unknown = engine.accounts.find_live_user(Uuid::new_v4(), start()).await.expect("an answer");
        assert_eq!(unknown, None);
    }
}
