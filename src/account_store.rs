//! Accounts in SQL: users, their sessions, and the events that report their changes.
//!
//! One store owns these tables, because signing in, changing the phone and deleting an account change them in one step. A
//! phone belongs to at most one user, and a session to a user that exists; the database enforces both. The store knows
//! no policy: callers pass the current time and decide how long a session lives.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use uuid::Uuid;

use crate::database::{Database, Param, with_list};
use crate::mac::Mac;
use crate::phone::PhoneNumber;
use crate::store::StoreError;
use crate::users::User;

mod changes;
mod endings;
mod event_queue;
mod events;
mod export;
mod loader;
mod locks;
mod records;
mod replica;
mod rows;
mod sign_in;
mod statements;

pub use event_queue::{DeliveryOutcome, EventBacklog};
pub use export::{ExportedEvent, ExportedSession};
pub use loader::UserLoader;
pub use records::{LiveUser, LoginKey, NewSession, Rotation, SessionRow, SignInOutcome};
use replica::Replica;
use rows::{LiveUserColumns, SessionAndUserColumns, SessionColumns, UserColumns};

/// The number of tries of a transaction that conflicts with others. In a Galera cluster a conflict with a transaction on
/// another node shows at the commit, and simultaneous sign-ins of one phone all change its user.
const TRIES: u32 = 8;
/// How long the second try waits; the third waits twice as long, and so on.
const BACK_OFF: Duration = Duration::from_millis(5);
/// The maximum number of sessions in a list.
const MAX_LISTED: i64 = 100;
/// The maximum number of rows that are deleted by one statement.
const PURGE_BATCH: i64 = 500;

/// Stores users and their sessions in MySQL or SQLite.
///
/// Every method fails with [`StoreError`] if the database is unavailable or rejects the statement.
#[derive(Debug)]
pub struct AccountStore {
    database: Database,
    delivers_events: bool,
    replica: Option<Replica>,
}

impl AccountStore {
    /// Creates a store whose tables are in `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self { database, delivers_events: false, replica: None }
    }

    /// Makes every event that is written from here on due for delivery as a webhook.
    #[must_use]
    pub fn delivering_events(self) -> Self {
        Self { delivers_events: true, ..self }
    }

    /// Sets the replica of the database, for reads that need not be fresh.
    #[must_use]
    pub fn reading_from(self, replica: Option<Database>) -> Self {
        Self { replica: replica.map(Replica::new), ..self }
    }

    /// Returns the users with these ids, in any order, by one statement. With a replica their data may be some seconds old, and
    /// ids that the replica lacks take a second statement.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_users(&self, ids: &[Uuid]) -> Result<Vec<User>, StoreError> {
        let Some(replica) = &self.replica else {
            return find_users(&self.database, ids).await;
        };
        let mut users = replica.find_users(ids).await;
        let missing: Vec<Uuid> = ids.iter().copied().filter(|id| users.iter().all(|user| user.id != *id)).collect();
        users.extend(find_users(&self.database, &missing).await?);
        Ok(users)
    }

    /// Returns the user with this phone, by one statement.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_user_by_phone(&self, phone: &PhoneNumber) -> Result<Option<User>, StoreError> {
        let params = [Param::Text(phone.e164())];
        let row: Option<UserColumns> = self.database.fetch_optional(statements::FIND_USER_BY_PHONE, &params).await?;
        Ok(row.map(User::try_from).transpose()?)
    }

    /// Returns at most `limit` users, in the order of their ids, from the one after `last`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_users(&self, last: Option<Uuid>, limit: u32) -> Result<Vec<User>, StoreError> {
        let params = [Param::Uuid(last.unwrap_or_default()), Param::Integer(limit.into())];
        let rows: Vec<UserColumns> = self.database.fetch_all(statements::SELECT_USERS_AFTER, &params).await?;
        Ok(rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?)
    }

    /// Returns the user of a session that has not ended or expired, by one statement.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_live_user(&self, session_id: Uuid, now: Timestamp) -> Result<Option<LiveUser>, StoreError> {
        let params = [Param::Uuid(session_id), Param::Time(now)];
        let row: Option<LiveUserColumns> = self.database.fetch_optional(statements::SELECT_LIVE_USER, &params).await?;
        Ok(row.map(LiveUser::try_from).transpose()?)
    }

    /// Returns a session and its user, by one statement, even if the session has ended or expired.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_session(&self, id: Uuid) -> Result<Option<(SessionRow, User)>, StoreError> {
        let row = self.database.fetch_optional(statements::SELECT_SESSION, &[Param::Uuid(id)]).await?;
        Ok(row.map(SessionAndUserColumns::read).transpose()?)
    }

    /// Returns the session whose sign-in had this idempotency key, and its user, by one statement.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn find_session_of_login(&self, key: &Mac) -> Result<Option<(SessionRow, User)>, StoreError> {
        let row = self.database.fetch_optional(statements::SELECT_SESSION_OF_LOGIN, &[Param::Bytes(key)]).await?;
        Ok(row.map(SessionAndUserColumns::read).transpose()?)
    }

    /// Records that the user entered a code in this session at `now`. Returns false if the session is not live.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn reauthenticate_session(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        let params = [Param::Time(now), Param::Uuid(id), Param::Time(now)];
        Ok(self.database.execute(statements::REAUTHENTICATE_SESSION, &params).await? == 1)
    }

    /// Returns the user's live sessions, at most 100, starting with the most recently used.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn list_live_sessions(&self, user_id: Uuid, now: Timestamp) -> Result<Vec<SessionRow>, StoreError> {
        let params = [Param::Uuid(user_id), Param::Time(now), Param::Integer(MAX_LISTED)];
        let rows: Vec<SessionColumns> = self.database.fetch_all(statements::SELECT_LIVE_SESSIONS, &params).await?;
        Ok(rows.into_iter().map(SessionRow::try_from).collect::<Result<_, _>>()?)
    }

    /// Moves a session to its next generation if it is live and its generation is `rotation.from`. Returns true if it
    /// moved: of simultaneous rotations from one generation, exactly one returns true.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn rotate_session(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        let at = Param::Time(rotation.at);
        let address = rotation.address.to_string();
        let params = [
            at,
            at,
            Param::Text(&address),
            Param::Time(rotation.expires_at),
            Param::OptionalBytes(rotation.key.as_ref().map(|key| &key[..])),
            Param::Uuid(rotation.session_id),
            Param::Integer(rotation.from.into()),
            at,
        ];
        Ok(self.database.execute(statements::ROTATE_SESSION, &params).await? == 1)
    }

    /// Deletes at most 500 sessions that ended or expired before `before`. Returns their number. Several servers may
    /// call this at the same time.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn purge_sessions(&self, before: Timestamp) -> Result<u64, StoreError> {
        let before = Param::Time(before);
        let delete = statements::PURGE_SESSIONS.of(&self.database);
        Ok(self.database.execute(delete, &[before, before, Param::Integer(PURGE_BATCH)]).await?)
    }
}

/// Waits after the failed try of this number, so that the conflicting transactions do not meet again.
async fn back_off(number: u32) {
    sleep(BACK_OFF * number).await;
}

async fn find_users(database: &Database, ids: &[Uuid]) -> Result<Vec<User>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }

    let params: Vec<Param> = ids.iter().copied().map(Param::Uuid).collect();
    let select = with_list(statements::SELECT_USERS, ids.len());
    let rows: Vec<UserColumns> = database.fetch_all(select, &params).await?;
    Ok(rows.into_iter().map(User::try_from).collect::<Result<_, _>>()?)
}
