//! Signing in: one transaction stores the user and the session.
//!
//! If several requests sign in with a new phone at the same time, one of them creates the user and the others find it.

use jiff::Timestamp;
use uuid::Uuid;

use super::rows::UserColumns;
use super::{AccountStore, NewSession, statements};
use crate::database::{Param, SqlError, Transaction, bounded};
use crate::store::StoreError;
use crate::users::{NewUser, User};

/// The number of tries if the sign-in conflicts with another transaction.
const SIGN_IN_TRIES: usize = 4;

impl AccountStore {
    /// Stores a session for the user with `new_user`'s phone. Stores `new_user` too if the phone has no user, and returns
    /// true in that case. Stores both or nothing.
    ///
    /// # Errors
    /// If the database fails: [`StoreError::Refused`] if it answered but did not store them.
    pub async fn sign_in(&self, new_user: &NewUser, session: &NewSession) -> Result<(User, bool), StoreError> {
        let signed_in = bounded(async {
            for _ in 1..SIGN_IN_TRIES {
                match self.try_sign_in(new_user, session).await {
                    // Another request stored a user with this phone in the meantime: the next try finds that user.
                    Err(SqlError::Taken(_) | SqlError::Deadlock(_)) => {}
                    outcome => return outcome,
                }
            }
            self.try_sign_in(new_user, session).await
        });
        Ok(signed_in.await?)
    }

    async fn try_sign_in(&self, new_user: &NewUser, session: &NewSession) -> Result<(User, bool), SqlError> {
        let mut transaction = self.database.begin().await?;

        let phone = Param::Text(new_user.phone.e164());
        let select = statements::SELECT_USER_BY_PHONE.of(&self.database);
        let found: Option<UserColumns> = transaction.fetch_optional(select, &[phone]).await?;

        let now = session.created_at;
        let (user, is_new) = match found {
            Some(columns) => (update_last_login(&mut transaction, columns.try_into()?, now).await?, false),
            None => (insert_user(&mut transaction, new_user, now).await?, true),
        };
        insert_session(&mut transaction, session, user.id).await?;

        transaction.commit().await?;
        Ok((user, is_new))
    }
}

async fn update_last_login(transaction: &mut Transaction, user: User, now: Timestamp) -> Result<User, SqlError> {
    transaction.execute(statements::UPDATE_LAST_LOGIN, &[Param::Time(now), Param::Uuid(user.id)]).await?;
    Ok(User { last_login_at: now, ..user })
}

async fn insert_user(transaction: &mut Transaction, new: &NewUser, now: Timestamp) -> Result<User, SqlError> {
    let params = [
        Param::Uuid(new.id),
        Param::Text(new.phone.e164()),
        Param::Text(&new.avatar),
        Param::Time(now),
        Param::Time(now),
    ];
    transaction.execute(statements::INSERT_USER, &params).await?;

    Ok(User {
        id: new.id,
        phone: new.phone.clone(),
        name: String::new(),
        avatar: new.avatar.clone(),
        created_at: now,
        last_login_at: now,
    })
}

async fn insert_session(transaction: &mut Transaction, session: &NewSession, user_id: Uuid) -> Result<(), SqlError> {
    let created_at = Param::Time(session.created_at);
    let address = session.address.to_string();
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
    ];
    transaction.execute(statements::INSERT_SESSION, &params).await.map(drop)
}
