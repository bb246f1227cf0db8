//! The contract of the account store, which every case checks on MariaDB and on SQLite: here users and sign-ins, in
//! `sessions` and `changes` the rest.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sms_login::account_store::AccountStore;
use sms_login::account_store::{NewSession, SessionRow, SignInOutcome};
use sms_login::client::ClientAddress;
use sms_login::database::Database;
use sms_login::phone::PhoneNumber;
use sms_login::store::StoreError;
use sms_login::users::{NewUser, User};
use tempfile::TempDir;
use uuid::Uuid;

use crate::app::{START, phone};
use crate::servers;

mod bans;
mod changes;
mod ended_sessions;
mod event_queue;
mod events;
mod export;
mod login_keys;
mod sessions;

const MILLISECOND: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);

/// The store of one SQL engine.
#[derive(Clone)]
struct Engine {
    accounts: Arc<AccountStore>,
    database: Database,
    _folder: Option<Arc<TempDir>>,
}

impl Engine {
    /// Returns the same store, whose events are due for delivery.
    fn delivering_events(self) -> Self {
        Self { accounts: Arc::new(AccountStore::new(self.database.clone()).delivering_events()), ..self }
    }

    /// Runs a statement that reads one number.
    async fn number(&self, sql: &'static str) -> i64 {
        match &self.database {
            Database::MySql(pool) => sqlx::query_scalar(sql).fetch_one(pool).await,
            Database::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await,
        }
        .expect("a number")
    }

    /// Runs a statement beside the store.
    async fn run(&self, sql: &'static str) {
        match &self.database {
            Database::MySql(pool) => sqlx::query(sql).execute(pool).await.map(drop),
            Database::Sqlite(pool) => sqlx::query(sql).execute(pool).await.map(drop),
        }
        .expect("the statement runs");
    }
}

/// Creates an empty store on each engine.
async fn engines() -> Vec<Engine> {
    let folder = Arc::new(TempDir::new().expect("a folder"));
    let sqlite = Database::open_file(&folder.path().join("test.db")).await.expect("SQLite");
    let mysql = Database::open(&servers::mariadb().create_database()).await.expect("MariaDB");
    let mut engines = Vec::new();
    for database in [sqlite, mysql] {
        engines.push(Engine { _folder: Some(Arc::clone(&folder)), ..engine(database).await });
    }
    engines
}

/// Creates an empty store in a database.
async fn engine(database: Database) -> Engine {
    database.migrate().await.expect("tables");
    Engine { accounts: Arc::new(AccountStore::new(database.clone())), database, _folder: None }
}

fn start() -> Timestamp {
    START.parse().expect("a time")
}

fn new_user(phone: &str) -> NewUser {
    let phone = PhoneNumber::from_e164(phone.to_owned()).expect("a phone");
    let avatar = "https://example.com/a.png".to_owned();
    NewUser { id: Uuid::new_v4(), phone, name: String::new(), avatar, created_at: start() }
}

fn new_session(at: Timestamp) -> NewSession {
    NewSession {
        id: Uuid::new_v4(),
        salt: sms_login::random::bytes(),
        device_name: Some("Büro 📱".to_owned()),
        address: ClientAddress::from("2001:db8::1".parse::<std::net::IpAddr>().expect("an address")),
        created_at: at,
        expires_at: at + Duration::from_hours(24),
        login: None,
    }
}

fn stored(outcome: SignInOutcome) -> (User, bool) {
    let SignInOutcome::Stored { user, is_new } = outcome else { panic!("not stored: {outcome:?}") };
    (user, is_new)
}

async fn sign_in(engine: &Engine, phone: &str, at: Timestamp) -> (User, bool, NewSession) {
    let session = new_session(at);
    let (user, is_new) = stored(engine.accounts.sign_in(&new_user(phone), &session).await.expect("a sign-in"));
    (user, is_new, session)
}

async fn row(engine: &Engine, session_id: Uuid) -> SessionRow {
    engine.accounts.find_session(session_id).await.expect("an answer").expect("a session").0
}

async fn user(engine: &Engine, id: Uuid) -> User {
    engine.accounts.find_users(&[id]).await.expect("users").pop().expect("a user")
}

/// Returns the ids of the user's live sessions, in the store's order.
async fn live(engine: &Engine, user_id: Uuid, at: Timestamp) -> Vec<Uuid> {
    let rows = engine.accounts.list_live_sessions(user_id, at).await.expect("sessions");
    rows.into_iter().map(|row| row.id).collect()
}

/// Stores one more session of a user.
async fn another_session(engine: &Engine, user: &User, session: NewSession) -> NewSession {
    let (same, is_new) =
        stored(engine.accounts.sign_in(&new_user(user.phone.e164()), &session).await.expect("a sign-in"));
    assert_eq!((same.id, is_new), (user.id, false));
    session
}

fn sorted(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort();
    ids
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
async fn simultaneous_first_sign_ins_create_one_user() {
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
            assert_eq!(live.expect("it lives").user.id, user.id);
        }
        assert_eq!((ids.len(), new), (1, 1));
    }
}

#[tokio::test]
async fn a_sign_in_whose_session_is_refused_stores_no_user() {
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
async fn many_users_are_found_at_once() {
    for engine in engines().await {
        let mut ids = Vec::new();
        for _ in 0..5 {
            ids.push(sign_in(&engine, &phone(), start()).await.0.id);
        }

        let wanted = [ids.clone(), vec![Uuid::new_v4()]].concat();
        let found: HashSet<Uuid> =
            engine.accounts.find_users(&wanted).await.expect("users").iter().map(|user| user.id).collect();
        assert_eq!(found, ids.into_iter().collect());
        assert_eq!(engine.accounts.find_users(&[]).await.expect("users"), []);
    }
}

#[tokio::test]
async fn a_session_is_live_until_it_ends_or_expires() {
    for engine in engines().await {
        let (user, _, session) = sign_in(&engine, &phone(), start()).await;
        let live = async |at| {
            engine.accounts.find_live_user(session.id, at).await.expect("an answer").map(|live| live.user.id)
        };

        assert_eq!(live(session.expires_at - Duration::from_millis(1)).await, Some(user.id));
        assert_eq!(live(session.expires_at).await, None);

        engine.accounts.end_session(session.id, start()).await.expect("an end");
        assert_eq!(live(start()).await, None);
        let unknown = engine.accounts.find_live_user(Uuid::new_v4(), start()).await.expect("an answer");
        assert_eq!(unknown, None);
    }
}
