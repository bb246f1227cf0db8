//! Everything that the database has about a user, in pages: live and ended sessions, and events.
//!
//! What is left out are salts and keyed hashes, which say nothing about the user.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::rows::{ExportedEventColumns, ExportedSessionColumns};
use super::{AccountStore, statements};
use crate::database::Param;
use crate::store::StoreError;

/// How many rows one statement reads.
const PAGE: i64 = 100;

/// A session of a user, with the addresses that it was used from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedSession {
    /// The session's id.
    pub id: Uuid,
    /// The user's name for the device.
    pub device_name: Option<String>,
    /// The address that the user signed in from.
    pub first_address: String,
    /// The address of the last refresh, or of the sign-in.
    pub last_address: String,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the user last entered a code.
    pub authenticated_at: Timestamp,
    /// When the session was last refreshed, or started.
    pub last_used_at: Timestamp,
    /// When the refresh token expires.
    pub expires_at: Timestamp,
    /// When the session was ended before its expiry.
    pub ended_at: Option<Timestamp>,
}

/// An event about a user.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportedEvent {
    /// The event's id.
    pub id: Uuid,
    /// What happened, such as `user.signed_in`.
    pub kind: String,
    /// The facts, as JSON. A text if the stored value is not JSON.
    pub facts: Value,
    /// When it happened.
    pub created_at: Timestamp,
}

impl AccountStore {
    /// Returns all sessions of the user that the database still has, in the order of their ids.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn export_sessions(&self, user_id: Uuid) -> Result<Vec<ExportedSession>, StoreError> {
        let (mut sessions, mut last) = (Vec::new(), Uuid::nil());
        loop {
            let params = [Param::Uuid(user_id), Param::Uuid(last), Param::Integer(PAGE)];
            let page: Vec<ExportedSessionColumns> =
                self.database.fetch_all(statements::EXPORT_SESSIONS, &params).await?;
            let Some(end) = page.last() else {
                return Ok(sessions);
            };
            last = end.id;
            for row in page {
                sessions.push(ExportedSession::try_from(row)?);
            }
        }
    }

    /// Returns all events of the user that the database still has, starting with the latest.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn export_events(&self, user_id: Uuid) -> Result<Vec<ExportedEvent>, StoreError> {
        let (mut events, mut last) = (Vec::new(), i64::MAX);
        loop {
            let params = [Param::Uuid(user_id), Param::Integer(last), Param::Integer(PAGE)];
            let page: Vec<ExportedEventColumns> = self.database.fetch_all(statements::EXPORT_EVENTS, &params).await?;
            let Some(end) = page.last() else {
                return Ok(events);
            };
            last = end.sequence;
            for row in page {
                events.push(ExportedEvent::try_from(row)?);
            }
        }
    }
}
