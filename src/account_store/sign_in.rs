//! Signing in: one transaction stores the user, the session and the event.
//!
//! Of simultaneous first sign-ins with one phone, one creates the user and the others find it. Of simultaneous sign-ins
//! with one idempotency key, one stores its session and the others find it: the key is unique.

use jiff::Timestamp;
use uuid::Uuid;

use super::rows::{SessionAndUserColumns, UserColumns};
use super::{AccountStore, NewSession, SignInOutcome, TRIES, back_off, statements};
use crate::database::{Param, SqlError, Transaction, bounded, with_rows};
use crate::events::{Event, EventKind};
use crate::phone::PhoneNumber;
use crate::store::StoreError;
use crate::users::{NewUser, User};

/// The number of columns of a new user.
const USER_COLUMNS: usize = 6;

impl AccountStore {
    /// Stores a session for the user with `new_user`'s phone. Stores `new_user` too if the phone has no user. Stores both or
    /// nothing.
    ///
    /// # Errors
    /// If the database fails: [`StoreError::Refused`] if it answered but did not store them.
    pub async fn sign_in(&self, new_user: &NewUser, session: &NewSession) -> Result<SignInOutcome, StoreError> {
        self.sign_in_or_up(&new_user.phone, Some(new_user), session).await
    }

    /// Stores a session for the user with this phone. Stores nothing if the phone has no user.
    ///
    /// # Errors
    /// If the database fails: [`StoreError::Refused`] if it answered but did not store the session.
    pub async fn sign_in_known(&self, phone: &PhoneNumber, session: &NewSession) -> Result<SignInOutcome, StoreError> {
        self.sign_in_or_up(phone, None, session).await
    }

    async fn sign_in_or_up(
        &self,
        phone: &PhoneNumber,
        new_user: Option<&NewUser>,
        session: &NewSession,
    ) -> Result<SignInOutcome, StoreError> {
        let signed_in = bounded("transaction", async {
            for number in 1..TRIES {
                match self.try_sign_in(phone, new_user, session).await {
                    // Another request stored the idempotency key or a user with this phone: the next try finds that user.
                    Err(SqlError::Taken(_)) => {
                        if let Some(outcome) = self.find_repeated(session).await? {
                            return Ok(outcome);
                        }
                    }
                    Err(SqlError::Deadlock(_)) => back_off(number).await,
                    outcome => return outcome,
                }
            }
            self.try_sign_in(phone, new_user, session).await
        });
        Ok(signed_in.await?)
    }

    /// Returns the session that has the idempotency key of this one. A key that is old enough is forgotten instead.
    async fn find_repeated(&self, session: &NewSession) -> Result<Option<SignInOutcome>, SqlError> {
        let Some(login) = &session.login else {
            return Ok(None);
        };
        let select = statements::SELECT_SESSION_OF_LOGIN;
        let found = self.database.fetch_optional(select, &[Param::Bytes(&login.key)]).await?;
        match found.map(SessionAndUserColumns::read).transpose()? {
            Some((row, _)) if row.created_at <= login.forgotten_before => {
                let params = [Param::Bytes(&login.key), Param::Time(login.forgotten_before)];
                self.database.execute(statements::FORGET_LOGIN_KEY, &params).await?;
                Ok(None)
            }
            found => Ok(found.map(|found| SignInOutcome::Repeated(Box::new(found)))),
        }
    }

    async fn try_sign_in(
        &self,
        phone: &PhoneNumber,
        new_user: Option<&NewUser>,
        session: &NewSession,
    ) -> Result<SignInOutcome, SqlError> {
        let mut transaction = self.database.begin().await?;

        let select = statements::SELECT_USER_BY_PHONE.of(&self.database);
        let found: Option<UserColumns> = transaction.fetch_optional(select, &[Param::Text(phone.e164())]).await?;

        let now = session.created_at;
        let (user, is_new) = match (found, new_user) {
            (Some(columns), _) => (User::try_from(columns)?, false),
            (None, Some(new_user)) => (insert_user(&mut transaction, new_user).await?, true),
            (None, None) => return Ok(SignInOutcome::NoUser),
        };
        if user.banned_at.is_some() {
            return Ok(SignInOutcome::Banned);
        }
        let user = if is_new { user } else { update_last_login(&mut transaction, user, now).await? };
        insert_session(&mut transaction, session, user.id).await?;

        let kind = if is_new { EventKind::SignedUp } else { EventKind::SignedIn };
        let event = Event::new(kind, user.id, now).with("phone", user.phone.to_string());
        self.write(&mut transaction, &event.with("sessionId", session.id.to_string())).await?;

        transaction.commit().await?;
        Ok(SignInOutcome::Stored { user, is_new })
    }
}

async fn update_last_login(transaction: &mut Transaction, user: User, now: Timestamp) -> Result<User, SqlError> {
    transaction.execute(statements::UPDATE_LAST_LOGIN, &[Param::Time(now), Param::Uuid(user.id)]).await?;
    Ok(User { last_login_at: now, ..user })
}

async fn insert_user(transaction: &mut Transaction, new: &NewUser) -> Result<User, SqlError> {
    insert_users(transaction, std::slice::from_ref(new)).await?;
    Ok(User {
        id: new.id,
        phone: new.phone.clone(),
        name: new.name.clone(),
        avatar: new.avatar.clone(),
        created_at: new.created_at,
        last_login_at: new.created_at,
        banned_at: None,
    })
}

/// Stores users by one statement. Fails with `Taken` if a user has one of the phones.
pub(super) async fn insert_users(transaction: &mut Transaction, new: &[NewUser]) -> Result<(), SqlError> {
    let params: Vec<Param<'_>> = new.iter().flat_map(new_user_params).collect();
    transaction.execute(with_rows(statements::INSERT_USERS, new.len(), USER_COLUMNS), &params).await.map(drop)
}

fn new_user_params(new: &NewUser) -> [Param<'_>; USER_COLUMNS] {
    let at = Param::Time(new.created_at);
    [Param::Uuid(new.id), Param::Text(new.phone.e164()), Param::Text(&new.name), Param::Text(&new.avatar), at, at]
}

async fn insert_session(transaction: &mut Transaction, session: &NewSession, user_id: Uuid) -> Result<(), SqlError> {
    let created_at = Param::Time(session.created_at);
    let address = session.address.to_string();
    let login = session.login.as_ref();
    let params = [
        Param::Uuid(session.id),
        Param::Uuid(user_id),
        Param::Bytes(&session.salt),
        created_at,
        Param::OptionalText(session.device_name.as_deref()),
        Param::Text(&address),
        Param::Text(&address),
        created_at,
        created_at,
        Param::Time(session.expires_at),
        created_at,
        Param::OptionalBytes(login.map(|login| &login.key[..])),
        Param::OptionalBytes(login.map(|login| &login.arguments[..])),
    ];
    transaction.execute(statements::INSERT_SESSION, &params).await.map(drop)
}
