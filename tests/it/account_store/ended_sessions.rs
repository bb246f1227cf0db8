//! The contract of changes by a user whose session ends, or who is banned, after the request was authenticated.

use std::time::Duration;

use sms_login::account_store::NewSession;
use sms_login::database::Database;
use sms_login::events::Actor;
use sms_login::phone::PhoneNumber;
use sms_login::users::{PhoneChange, PhoneChangeOutcome, ProfileChange, User};
use sqlx::{MySql, Sqlite, Transaction};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{Engine, MILLISECOND, another_session, engine, engines, live, new_session, row, sign_in, start, user};
use crate::app::phone;
use crate::servers::own::OwnMariaDb;

/// What a user can change.
#[derive(Debug, Clone, Copy)]
enum Change {
    Profile,
    Phone,
    Deletion,
}

const CHANGES: [Change; 3] = [Change::Profile, Change::Phone, Change::Deletion];

/// What ends the session of the request.
#[derive(Debug, Clone, Copy)]
enum End {
    Ban,
    ByOperator,
    LogOut,
    LogOutEverywhere,
    Theft,
    Expiry,
    PhoneChange,
}

const ENDS: [End; 7] =
    [End::Ban, End::ByOperator, End::LogOut, End::LogOutEverywhere, End::Theft, End::Expiry, End::PhoneChange];

/// The statements of a transaction that ends the session.
const ENDING_STATEMENTS: [&str; 3] =
    ["UPDATE users SET banned_at = 1", "UPDATE sessions SET ended_at = 1", "UPDATE sessions SET expires_at = 1"];

fn operator() -> Actor {
    Actor::Operator("mia".to_owned())
}

/// Makes the change in the session, and returns whether it was made.
async fn make(engine: &Engine, change: Change, owner: &User, session: &NewSession) -> bool {
    let (accounts, at) = (&engine.accounts, start() + MILLISECOND);
    match change {
        Change::Profile => {
            let name = ProfileChange { name: Some("Eve".to_owned()), avatar: None };
            accounts.update_profile(owner.id, session.id, &name, at).await.expect("an answer")
        }
        Change::Phone => {
            let phone = PhoneNumber::from_e164(phone()).expect("a phone");
            let kept_session = Some(session.id);
            let change = PhoneChange { user_id: owner.id, phone, kept_session, by: Actor::User, at };
            match accounts.change_phone(&change).await.expect("an outcome") {
                PhoneChangeOutcome::Changed => true,
                PhoneChangeOutcome::Gone => false,
                PhoneChangeOutcome::Taken => panic!("nobody has the phone"),
            }
        }
        Change::Deletion => accounts.delete_own_user(owner, session.id, at).await.expect("an answer"),
    }
}

async fn end(engine: &Engine, end: End, owner: &User, session: &NewSession) {
    let (accounts, at) = (&engine.accounts, start() + MILLISECOND);
    match end {
        End::Ban => {
            accounts.ban_user(owner.id, &operator(), at).await.expect("an answer");
        }
        End::ByOperator | End::LogOut | End::LogOutEverywhere => {
            let by = if matches!(end, End::ByOperator) { operator() } else { Actor::User };
            let ids = matches!(end, End::LogOut).then_some([session.id]);
            let ids = ids.as_ref().map(<[Uuid; 1]>::as_slice);
            accounts.end_user_sessions(owner.id, ids, &by, at).await.expect("a count");
        }
        End::Theft => accounts.end_session(session.id, at).await.expect("an end"),
        End::Expiry => engine.run("UPDATE sessions SET expires_at = 1").await,
        End::PhoneChange => {
            let other = another_session(engine, owner, new_session(start())).await;
            let (phone, kept_session) = (owner.phone.clone(), Some(other.id));
            let change = PhoneChange { user_id: owner.id, phone, kept_session, by: Actor::User, at };
            accounts.change_phone(&change).await.expect("a change");
        }
    }
}

#[tokio::test]
async fn an_ended_session_changes_nothing_whatever_ended_it() {
    for engine in engines().await {
        for ended_by in ENDS {
            for change in CHANGES {
                let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
                end(&engine, ended_by, &owner, &session).await;
                let before = user(&engine, owner.id).await;
                assert!(!make(&engine, change, &owner, &session).await, "{change:?} after {ended_by:?}");
                assert_eq!(user(&engine, owner.id).await, before, "{change:?} after {ended_by:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_session_of_another_user_changes_nothing() {
    for engine in engines().await {
        for change in CHANGES {
            let (owner, _, own) = sign_in(&engine, &phone(), start()).await;
            let (_, _, foreign) = sign_in(&engine, &phone(), start()).await;
            assert!(!make(&engine, change, &owner, &foreign).await, "{change:?}");
            assert_eq!(user(&engine, owner.id).await, owner);
            assert!(make(&engine, change, &owner, &own).await, "{change:?}");
        }
    }
}

/// A transaction of the test, beside the store.
enum Outside {
    MySql(Transaction<'static, MySql>),
    Sqlite(Transaction<'static, Sqlite>),
}

impl Outside {
    /// Starts a transaction, on SQLite with the write lock.
    async fn begin(engine: &Engine) -> Self {
        match &engine.database {
            Database::MySql(pool) => Self::MySql(pool.begin().await.expect("a transaction")),
            Database::Sqlite(pool) => Self::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await.expect("a transaction")),
        }
    }

    async fn run(&mut self, sql: &'static str) {
        match self {
            Self::MySql(transaction) => sqlx::query(sql).execute(&mut **transaction).await.map(drop),
            Self::Sqlite(transaction) => sqlx::query(sql).execute(&mut **transaction).await.map(drop),
        }
        .expect("the statement runs");
    }

    async fn commit(self) {
        match self {
            Self::MySql(transaction) => transaction.commit().await,
            Self::Sqlite(transaction) => transaction.commit().await,
        }
        .expect("it is stored");
    }
}

/// Creates an empty store on a MariaDB that only one test uses, so that every wait for a lock is one of this test.
async fn separate_engine() -> (Engine, OwnMariaDb) {
    let mariadb = OwnMariaDb::start();
    let database = Database::open(&mariadb.create_database()).await.expect("MariaDB");
    (engine(database).await, mariadb)
}

async fn status(engine: &Engine, query: &'static str) -> String {
    let Database::MySql(pool) = &engine.database else { unreachable!("it is MariaDB") };
    let (_, value): (String, String) = sqlx::query_as(query).fetch_one(pool).await.expect("a value");
    value
}

/// Waits until `count` transactions of MariaDB wait for a lock.
async fn wait_for_locks(engine: &Engine, count: usize) {
    let waiting = async {
        while status(engine, "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'").await != count.to_string() {
            sleep(MILLISECOND).await;
        }
    };
    timeout(Duration::from_secs(1), waiting).await.expect("the transactions wait for each other");
}

fn spawn_change(engine: &Engine, change: Change, owner: &User, session: &NewSession) -> JoinHandle<bool> {
    let (engine, owner, session) = (engine.clone(), owner.clone(), session.clone());
    tokio::spawn(async move { make(&engine, change, &owner, &session).await })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_waits_for_an_ending_that_began_before_it() {
    let [sqlite, _] = engines().await.try_into().unwrap_or_else(|_| unreachable!("there are two engines"));
    let (mysql, _server) = separate_engine().await;
    for engine in [sqlite, mysql] {
        for statement in ENDING_STATEMENTS {
            for change in CHANGES {
                let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
                let mut ending = Outside::begin(&engine).await;
                ending.run(statement).await;
                let changed = spawn_change(&engine, change, &owner, &session);
                // SQLite does not say what waits. There, the change waits for the only lock whenever it begins.
                if matches!(engine.database, Database::MySql(_)) {
                    wait_for_locks(&engine, 1).await;
                }
                ending.commit().await;
                assert!(!changed.await.expect("an answer"), "{change:?} and {statement}");
                assert_eq!(User { banned_at: None, ..user(&engine, owner.id).await }, owner);
            }
        }
    }
}

/// The ban waits for a lock of the user, and the change waits behind it. SQLite has no such queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_behind_a_ban_in_the_queue_is_not_made() {
    let (engine, _server) = separate_engine().await;
    for change in CHANGES {
        let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
        let mut first = Outside::begin(&engine).await;
        first.run("SELECT id FROM users FOR UPDATE").await;
        let ban = {
            let (engine, id) = (engine.clone(), owner.id);
            tokio::spawn(async move { engine.accounts.ban_user(id, &operator(), start()).await })
        };
        wait_for_locks(&engine, 1).await;
        let changed = spawn_change(&engine, change, &owner, &session);
        wait_for_locks(&engine, 2).await;
        first.commit().await;

        assert!(ban.await.expect("an answer").expect("a ban"), "{change:?}");
        assert!(!changed.await.expect("an answer"), "{change:?}");
        assert_eq!(User { banned_at: None, ..user(&engine, owner.id).await }, owner);
        assert!(live(&engine, owner.id, start()).await.is_empty());
    }
}

/// Everything that locks a user and their sessions, at once: no order of the locks makes one of them fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simultaneous_changes_and_endings_do_not_fail() {
    for engine in engines().await {
        for round in 0..10 {
            let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
            let mut tasks: Vec<JoinHandle<()>> = Vec::new();
            for ended_by in [End::LogOut, End::ByOperator, End::Theft, End::Ban] {
                let other = another_session(&engine, &owner, new_session(start())).await;
                let (engine, owner) = (engine.clone(), owner.clone());
                tasks.push(tokio::spawn(async move { end(&engine, ended_by, &owner, &other).await }));
            }
            for change in CHANGES {
                let changed = spawn_change(&engine, change, &owner, &session);
                tasks.push(tokio::spawn(async move { assert!(changed.await.is_ok(), "{change:?}") }));
            }
            let (again, phone) = (engine.clone(), owner.phone.clone());
            tasks.push(tokio::spawn(async move {
                again.accounts.sign_in_known(&phone, &new_session(start())).await.expect("an outcome");
            }));
            for task in tasks {
                task.await.unwrap_or_else(|error| panic!("round {round}: {error}"));
            }
        }
    }
}

/// The deletion has locked the session and needs the user's list of sessions, which an ending without the user's lock would
/// have locked meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_and_an_ending_do_not_deadlock() {
    let (engine, _server) = separate_engine().await;
    let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
    let mut first = Outside::begin(&engine).await;
    first.run("SELECT id FROM sessions FOR UPDATE").await;
    let deleted = spawn_change(&engine, Change::Deletion, &owner, &session);
    wait_for_locks(&engine, 1).await;
    let ending = {
        let (engine, owner, session) = (engine.clone(), owner.clone(), session.clone());
        tokio::spawn(async move { end(&engine, End::ByOperator, &owner, &session).await })
    };
    wait_for_locks(&engine, 2).await;
    first.commit().await;

    assert!(deleted.await.expect("an answer"));
    ending.await.expect("an answer");
    assert_eq!(status(&engine, "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'").await, "0");
}

#[tokio::test]
async fn a_rejected_change_leaves_the_other_sessions() {
    for engine in engines().await {
        let (owner, _, session) = sign_in(&engine, &phone(), start()).await;
        let other = another_session(&engine, &owner, new_session(start())).await;
        end(&engine, End::LogOut, &owner, &session).await;
        assert!(!make(&engine, Change::Phone, &owner, &session).await);
        assert_eq!(live(&engine, owner.id, start()).await, [other.id] as [Uuid; 1]);
        assert_eq!(row(&engine, other.id).await.ended_at, None);
    }
}
