//! Sessions in MySQL.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{MySqlConnection, MySqlPool};
use uuid::Uuid;

use super::sql::{END, INSERT, SELECT_LIVE_USER, SIGN_IN_TRIES};
use super::{NewSession, SessionStore};
use crate::database::{bounded, is_conflict};
use crate::store::StoreError;
use crate::users::mysql::sign_up_or_in;
use crate::users::sql::UserRow;
use crate::users::{NewUser, User};

/// The session store of a server on MySQL.
#[derive(Debug)]
pub struct MySqlSessionStore {
    pool: MySqlPool,
}

impl MySqlSessionStore {
    /// A store on `pool`.
    #[must_use]
    pub const fn new(pool: MySqlPool) -> Self {
        Self { pool }
    }

    async fn try_sign_in(&self, new_user: &NewUser, session: &NewSession) -> Result<(User, bool), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        let (user, is_new) = sign_up_or_in(&mut transaction, new_user, session.created_at).await?;
        insert(&mut transaction, session, user.id).await?;
        transaction.commit().await?;
        Ok((user, is_new))
    }
}

#[async_trait]
impl SessionStore for MySqlSessionStore {
    async fn sign_in(&self, new_user: &NewUser, session: &NewSession) -> Result<(User, bool), StoreError> {
        bounded(async {
            for _ in 1..SIGN_IN_TRIES {
                match self.try_sign_in(new_user, session).await {
                    Err(error) if is_conflict(&error) => {}
                    outcome => return outcome,
                }
            }
            self.try_sign_in(new_user, session).await
        })
        .await
    }

    async fn find_live_user(&self, session_id: Uuid, now: Timestamp) -> Result<Option<User>, StoreError> {
        bounded(async {
            let query = sqlx::query_as(SELECT_LIVE_USER).bind(session_id).bind(now.as_millisecond());
            let row: Option<UserRow> = query.fetch_optional(&self.pool).await?;
            row.map(User::try_from).transpose()
        })
        .await
    }

    async fn end(&self, session_id: Uuid, now: Timestamp) -> Result<(), StoreError> {
        let query = sqlx::query(END).bind(now.as_millisecond()).bind(session_id);
        bounded(query.execute(&self.pool)).await.map(drop)
    }
}

async fn insert(transaction: &mut MySqlConnection, session: &NewSession, user_id: Uuid) -> Result<(), sqlx::Error> {
    let created_at = session.created_at.as_millisecond();
    let address = session.address.to_string();
    sqlx::query(INSERT)
        .bind(session.id)
        .bind(user_id)
        .bind(session.salt.as_slice())
        .bind(created_at)
        .bind(&session.device_name)
        .bind(&address)
        .bind(&address)
        .bind(created_at)
        .bind(created_at)
        .bind(session.expires_at.as_millisecond())
        .execute(transaction)
        .await?;
    Ok(())
}
