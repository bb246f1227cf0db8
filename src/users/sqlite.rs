//! Users in SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::sql::{DELETE, INSERT, UPDATE_LAST_LOGIN, UPDATE_PHONE, UPDATE_PROFILE, UserRow};
use super::{NewUser, PhoneChange, PhoneChangeOutcome, ProfileChange, User, UserStore, sql};
use crate::database::{bounded, is_taken};
use crate::sessions::sql::END_OTHERS;
use crate::store::StoreError;

const SELECT_BY_PHONE: &str = "SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE phone = ?";

/// The user store of a server on SQLite.
#[derive(Debug)]
pub struct SqliteUserStore {
    pool: SqlitePool,
}

impl SqliteUserStore {
    /// A store on `pool`.
    #[must_use]
    pub const fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl UserStore for SqliteUserStore {
    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<User>, StoreError> {
        let mut query = sql::select_by_ids::<Sqlite>(ids);
        bounded(async {
            let rows: Vec<UserRow> = query.build_query_as().fetch_all(&self.pool).await?;
            rows.into_iter().map(User::try_from).collect()
        })
        .await
    }

    async fn update_profile(&self, id: Uuid, change: &ProfileChange) -> Result<bool, StoreError> {
        let (name, avatar) = (change.name.as_deref(), change.avatar.as_deref());
        let query = sqlx::query(UPDATE_PROFILE).bind(name).bind(avatar).bind(id);
        Ok(bounded(query.execute(&self.pool)).await?.rows_affected() == 1)
    }

    async fn change_phone(&self, change: &PhoneChange) -> Result<PhoneChangeOutcome, StoreError> {
        bounded(async {
            let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
            let changed = sqlx::query(UPDATE_PHONE)
                .bind(change.phone.e164())
                .bind(change.user_id)
                .execute(&mut *transaction)
                .await;
            match changed {
                Ok(done) if done.rows_affected() == 1 => {}
                Ok(_) => return Ok(PhoneChangeOutcome::Gone),
                Err(error) if is_taken(&error) => return Ok(PhoneChangeOutcome::Taken),
                Err(error) => return Err(error),
            }
            sqlx::query(END_OTHERS)
                .bind(change.at.as_millisecond())
                .bind(change.user_id)
                .bind(change.kept_session)
                .execute(&mut *transaction)
                .await?;
            transaction.commit().await?;
            Ok(PhoneChangeOutcome::Changed)
        })
        .await
    }

    async fn delete(&self, id: Uuid) -> Result<(), StoreError> {
        bounded(sqlx::query(DELETE).bind(id).execute(&self.pool)).await.map(drop)
    }
}

/// Finds the user of a phone and notes the sign-in, or signs `new` up. True where it did.
///
/// # Errors
/// A unique violation where another transaction signed the same phone up meanwhile: the same again then finds it.
pub(crate) async fn sign_up_or_in(
    transaction: &mut SqliteConnection,
    new: &NewUser,
    now: Timestamp,
) -> Result<(User, bool), sqlx::Error> {
    let found: Option<UserRow> =
        sqlx::query_as(SELECT_BY_PHONE).bind(new.phone.e164()).fetch_optional(&mut *transaction).await?;
    let Some(row) = found else {
        return sign_up(transaction, new, now).await.map(|user| (user, true));
    };
    let user = User { last_login_at: now, ..User::try_from(row)? };
    sqlx::query(UPDATE_LAST_LOGIN).bind(now.as_millisecond()).bind(user.id).execute(transaction).await?;
    Ok((user, false))
}

async fn sign_up(transaction: &mut SqliteConnection, new: &NewUser, now: Timestamp) -> Result<User, sqlx::Error> {
    sqlx::query(INSERT)
        .bind(new.id)
        .bind(new.phone.e164())
        .bind(&new.avatar)
        .bind(now.as_millisecond())
        .bind(now.as_millisecond())
        .execute(transaction)
        .await?;
    Ok(User {
        id: new.id,
        phone: new.phone.clone(),
        name: String::new(),
        avatar: new.avatar.clone(),
        created_at: now,
        last_login_at: now,
    })
}
