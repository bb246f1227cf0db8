//! Users and sessions in the server's own tables. A sign-in takes three statements, each committed by itself.

use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::rand;
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::mysql::{MySqlConnectOptions, MySqlPool, MySqlPoolOptions, MySqlRow};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

/// The number of connections that the server uses, too.
const CONNECTIONS: u32 = 32;
const MONTH_MS: i64 = 30 * 86_400_000;

pub(super) struct Users(MySqlPool);

pub(super) struct User {
    pub(super) id: Uuid,
    pub(super) phone: String,
    pub(super) name: String,
    pub(super) avatar: String,
    created_at: i64,
    last_login_at: i64,
}

pub(super) struct Session {
    pub(super) id: Uuid,
    pub(super) salt: Vec<u8>,
    pub(super) generation: i64,
}

impl User {
    fn read(row: &MySqlRow) -> Result<Self> {
        Ok(Self {
            id: Uuid::from_slice(row.try_get("id")?)?,
            phone: row.try_get("phone")?,
            name: row.try_get("name")?,
            avatar: row.try_get("avatar")?,
            created_at: row.try_get("created_at")?,
            last_login_at: row.try_get("last_login_at")?,
        })
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "phone": self.phone,
            "name": self.name,
            "avatar": self.avatar,
            "createdAt": self.created_at,
            "lastLoginAt": self.last_login_at,
        })
    }
}

impl Users {
    pub(super) fn open(url: &str) -> Result<Self> {
        let pool = MySqlPoolOptions::new().max_connections(CONNECTIONS).test_before_acquire(false);
        Ok(Self(pool.connect_lazy_with(MySqlConnectOptions::from_str(url)?)))
    }

    pub(super) async fn sign_in(&self, phone: &str, address: &str) -> Result<(User, Session)> {
        let now = Timestamp::now().as_millisecond();
        let upsert = "INSERT INTO users (id, phone, name, avatar, created_at, last_login_at) VALUES (?, ?, '', ?, ?, ?) \
                      ON DUPLICATE KEY UPDATE last_login_at = VALUES(last_login_at)";
        let avatar = "http://127.0.0.1/avatars/1.svg";
        let upsert =
            sqlx::query(upsert).bind(new_id().into_bytes().to_vec()).bind(phone).bind(avatar).bind(now).bind(now);
        upsert.execute(&self.0).await?;

        let select = "SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE phone = ?";
        let user = User::read(&sqlx::query(select).bind(phone).fetch_one(&self.0).await?)?;

        let mut salt = vec![0; 16];
        rand::fill(&mut salt).context("random bytes")?;
        let session = Session { id: new_id(), salt, generation: 0 };
        let insert = "INSERT INTO sessions (id, user_id, salt, generation, rotated_at, first_address, last_address, \
                      created_at, last_used_at, expires_at, authenticated_at) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)";
        sqlx::query(insert)
            .bind(&session.id.as_bytes()[..])
            .bind(&user.id.as_bytes()[..])
            .bind(&session.salt)
            .bind(now)
            .bind(address)
            .bind(address)
            .bind(now)
            .bind(now)
            .bind(now + MONTH_MS)
            .bind(now)
            .execute(&self.0)
            .await?;
        Ok((user, session))
    }

    pub(super) async fn live(&self, session: Uuid) -> Result<User> {
        let select = "SELECT u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at \
                      FROM sessions s JOIN users u ON u.id = s.user_id \
                      WHERE s.id = ? AND s.ended_at IS NULL AND s.expires_at > ?";
        let now = Timestamp::now().as_millisecond();
        let row = sqlx::query(select).bind(&session.as_bytes()[..]).bind(now).fetch_one(&self.0).await?;
        User::read(&row)
    }

    pub(super) async fn find(&self, ids: &[Uuid]) -> Result<Vec<User>> {
        let places = vec!["?"; ids.len()].join(", ");
        let select =
            format!("SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE id IN ({places})");
        let query = ids.iter().fold(sqlx::query(AssertSqlSafe(select)), |query, id| query.bind(&id.as_bytes()[..]));
        query.fetch_all(&self.0).await?.iter().map(User::read).collect()
    }

    pub(super) async fn session(&self, id: Uuid) -> Result<(User, Session)> {
        let select = "SELECT s.salt, s.generation, u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at \
                      FROM sessions s JOIN users u ON u.id = s.user_id \
                      WHERE s.id = ? AND s.ended_at IS NULL";
        let row = sqlx::query(select).bind(&id.as_bytes()[..]).fetch_one(&self.0).await?;
        let session = Session { id, salt: row.try_get("salt")?, generation: row.try_get("generation")? };
        Ok((User::read(&row)?, session))
    }

    pub(super) async fn rotate(&self, session: &Session, address: &str) -> Result<()> {
        let now = Timestamp::now().as_millisecond();
        let update = "UPDATE sessions SET generation = generation + 1, rotated_at = ?, last_used_at = ?, \
                      last_address = ?, expires_at = ? \
                      WHERE id = ? AND generation = ? AND ended_at IS NULL AND expires_at > ?";
        let update = sqlx::query(update).bind(now).bind(now).bind(address).bind(now + MONTH_MS);
        let update = update.bind(&session.id.as_bytes()[..]).bind(session.generation).bind(now);
        ensure!(update.execute(&self.0).await?.rows_affected() == 1, "another refresh was first");
        Ok(())
    }
}

fn new_id() -> Uuid {
    Uuid::now_v7()
}
