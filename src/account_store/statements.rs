//! The SQL of users and sessions. MySQL 5.7, MariaDB and SQLite run all of it.
//!
//! A session is live if `ended_at` is null and `expires_at` is in the future. Every update of a session has its conditions
//! in the `WHERE` clause, so that simultaneous changes need no lock.

use crate::database::Dialects;

pub(super) const INSERT_USER: &str =
    "INSERT INTO users (id, phone, name, avatar, created_at, last_login_at) VALUES (?, ?, '', ?, ?, ?)";

/// A sign-in locks the user that it finds, so that the account cannot be deleted before its session is stored. SQLite has
/// no row locks: there, the transaction has the write lock from its start.
pub(super) const SELECT_USER_BY_PHONE: Dialects = Dialects {
    mysql: "SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE phone = ? FOR UPDATE",
    sqlite: "SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE phone = ?",
};

pub(super) const FIND_USER_BY_PHONE: &str =
    "SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE phone = ?";

pub(super) const SELECT_USERS_AFTER: &str =
    "SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE id > ? ORDER BY id LIMIT ?";

pub(super) const SELECT_USERS: &str =
    "SELECT id, phone, name, avatar, created_at, last_login_at FROM users WHERE id IN (...)";

pub(super) const SELECT_LIVE_USER: &str = "\
    SELECT COALESCE(s.authenticated_at, s.created_at) AS authenticated_at, \
    u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at \
    FROM sessions s JOIN users u ON u.id = s.user_id \
    WHERE s.id = ? AND s.ended_at IS NULL AND s.expires_at > ?";

pub(super) const UPDATE_LAST_LOGIN: &str = "UPDATE users SET last_login_at = ? WHERE id = ?";

pub(super) const UPDATE_PROFILE: &str =
    "UPDATE users SET name = COALESCE(?, name), avatar = COALESCE(?, avatar) WHERE id = ?";

pub(super) const UPDATE_PHONE: &str = "UPDATE users SET phone = ? WHERE id = ?";

/// The foreign key deletes the user's sessions too.
pub(super) const DELETE_USER: &str = "DELETE FROM users WHERE id = ?";

pub(super) const INSERT_SESSION: &str = "\
    INSERT INTO sessions (id, user_id, salt, generation, rotated_at, device_name, first_address, last_address, \
    created_at, last_used_at, expires_at, authenticated_at, login_key, login_arguments) \
    VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub(super) const SELECT_SESSION: &str = "\
    SELECT s.id AS session_id, s.salt, s.generation, s.rotated_at, s.device_name, \
    s.created_at AS session_created_at, s.last_used_at, s.expires_at, s.ended_at, \
    COALESCE(s.authenticated_at, s.created_at) AS authenticated_at, s.login_arguments, s.rotation_key, \
    u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at \
    FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?";

pub(super) const SELECT_SESSION_OF_LOGIN: &str = "\
    SELECT s.id AS session_id, s.salt, s.generation, s.rotated_at, s.device_name, \
    s.created_at AS session_created_at, s.last_used_at, s.expires_at, s.ended_at, \
    COALESCE(s.authenticated_at, s.created_at) AS authenticated_at, s.login_arguments, s.rotation_key, \
    u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at \
    FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.login_key = ?";

pub(super) const SELECT_LIVE_SESSIONS: &str = "\
    SELECT id AS session_id, salt, generation, rotated_at, device_name, \
    created_at AS session_created_at, last_used_at, expires_at, ended_at, \
    COALESCE(authenticated_at, created_at) AS authenticated_at, login_arguments, rotation_key \
    FROM sessions WHERE user_id = ? AND ended_at IS NULL AND expires_at > ? \
    ORDER BY last_used_at DESC, id DESC LIMIT ?";

pub(super) const ROTATE_SESSION: &str = "\
    UPDATE sessions SET generation = generation + 1, rotated_at = ?, last_used_at = ?, last_address = ?, \
    expires_at = ?, rotation_key = ? WHERE id = ? AND generation = ? AND ended_at IS NULL AND expires_at > ?";

pub(super) const END_SESSION: &str = "UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL";

pub(super) const REAUTHENTICATE_SESSION: &str =
    "UPDATE sessions SET authenticated_at = ? WHERE id = ? AND ended_at IS NULL AND expires_at > ?";

/// Also forgets the idempotency key, so that the client can retry with it.
pub(super) const UNDO_SESSION: &str =
    "UPDATE sessions SET ended_at = ?, login_key = NULL WHERE id = ? AND ended_at IS NULL";

pub(super) const FORGET_LOGIN_KEY: &str =
    "UPDATE sessions SET login_key = NULL WHERE login_key = ? AND created_at <= ?";

pub(super) const END_OTHER_SESSIONS: &str =
    "UPDATE sessions SET ended_at = ? WHERE user_id = ? AND id <> ? AND ended_at IS NULL";

pub(super) const END_ALL_SESSIONS: &str =
    "UPDATE sessions SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL AND expires_at > ?";

pub(super) const END_LISTED_SESSIONS: &str =
    "UPDATE sessions SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL AND expires_at > ? AND id IN (...)";

/// A default build of SQLite does not support `LIMIT` in a `DELETE`, and MySQL does not support it in the subquery of an
/// `IN`.
pub(super) const PURGE_SESSIONS: Dialects = Dialects {
    mysql: "DELETE FROM sessions WHERE expires_at < ? OR ended_at < ? LIMIT ?",
    sqlite: "DELETE FROM sessions WHERE id IN \
             (SELECT id FROM sessions WHERE expires_at < ? OR ended_at < ? LIMIT ?)",
};
