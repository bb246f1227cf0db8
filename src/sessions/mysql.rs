//! Sessions in MySQL.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{MySql, MySqlConnection, MySqlPool};
use uuid::Uuid;

use super::sql::{
    END, INSERT, MAX_LISTED, PURGE_BATCH, ROTATE, SELECT, SELECT_LIVE_OF_USER, SELECT_LIVE_USER, SIGN_IN_TRIES,
    SqlSession, SqlSessionAndUser,
};
use super::{NewSession, Rotation, SessionRow, SessionStore, sql};
use crate::database::{bounded, is_conflict};
use crate::store::StoreError;
use crate::users::mysql::sign_up_or_in;
use crate::users::sql::UserRow;
use crate::users::{NewUser, User};

const PURGE: &str = "DELETE FROM sessions WHERE expires_at < ? OR ended_at < ? LIMIT ?";

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

    async fn find(&self, session_id: Uuid) -> Result<Option<(SessionRow, User)>, StoreError> {
        bounded(async {
            let found: Option<SqlSessionAndUser> =
                sqlx::query_as(SELECT).bind(session_id).fetch_optional(&self.pool).await?;
            found.map(|row| Ok((row.session.try_into()?, row.user.try_into()?))).transpose()
        })
        .await
    }

    async fn rotate(&self, rotation: &Rotation) -> Result<bool, StoreError> {
        let at = rotation.at.as_millisecond();
        let query = sqlx::query(ROTATE)
            .bind(at)
            .bind(at)
            .bind(rotation.address.to_string())
            .bind(rotation.expires_at.as_millisecond())
            .bind(rotation.session_id)
            .bind(i64::from(rotation.from))
            .bind(at);
        Ok(bounded(query.execute(&self.pool)).await?.rows_affected() == 1)
    }

    async fn list_live(&self, user_id: Uuid, now: Timestamp) -> Result<Vec<SessionRow>, StoreError> {
        bounded(async {
            let query = sqlx::query_as(SELECT_LIVE_OF_USER).bind(user_id).bind(now.as_millisecond()).bind(MAX_LISTED);
            let rows: Vec<SqlSession> = query.fetch_all(&self.pool).await?;
            rows.into_iter().map(SessionRow::try_from).collect()
        })
        .await
    }

    async fn end_of_user(&self, user_id: Uuid, ids: Option<&[Uuid]>, now: Timestamp) -> Result<u64, StoreError> {
        if ids.is_some_and(<[Uuid]>::is_empty) {
            return Ok(0);
        }
        let mut query = sql::end_of_user::<MySql>(user_id, ids, now);
        Ok(bounded(query.build().execute(&self.pool)).await?.rows_affected())
    }

    async fn purge(&self, before: Timestamp) -> Result<u64, StoreError> {
        let before = before.as_millisecond();
        let query = sqlx::query(PURGE).bind(before).bind(before).bind(PURGE_BATCH);
        Ok(bounded(query.execute(&self.pool)).await?.rows_affected())
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
