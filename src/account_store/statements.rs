//! The SQL of users and sessions. MySQL 5.7, MariaDB and SQLite run all of it.
//!
//! A session is live if `ended_at` is null and `expires_at` is in the future. Every update of a session has its conditions
//! in the `WHERE` clause, so that simultaneous changes need no lock.

use crate::database::Dialects;

pub(super) const INSERT_USERS: &str =
    "INSERT INTO users (id, phone, name, avatar, created_at, last_login_at) VALUES (...)";

/// A sign-in locks the user that it finds, so that the account cannot be deleted before its session is stored. SQLite has
/// no row locks: there, the transaction has the write lock from its start.
pub(super) const SELECT_USER_BY_PHONE: Dialects = Dialects {
    mysql: "SELECT id, phone, name, avatar, created_at, last_login_at, banned_at FROM users WHERE phone = ? FOR UPDATE",
    sqlite: "SELECT id, phone, name, avatar, created_at, last_login_at, banned_at FROM users WHERE phone = ?",
};

pub(super) const FIND_USER_BY_PHONE: &str =
    "SELECT id, phone, name, avatar, created_at, last_login_at, banned_at FROM users WHERE phone = ?";

pub(super) const SELECT_USERS_AFTER: &str =
    "SELECT id, phone, name, avatar, created_at, last_login_at, banned_at FROM users WHERE id > ? ORDER BY id LIMIT ?";

pub(super) const SELECT_USERS: &str =
    "SELECT id, phone, name, avatar, created_at, last_login_at, banned_at FROM users WHERE id IN (...)";

pub(super) const SELECT_LIVE_USER: &str = "\
    SELECT COALESCE(s.authenticated_at, s.created_at) AS authenticated_at, \
    u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at, u.banned_at \
    FROM sessions s JOIN users u ON u.id = s.user_id \
    WHERE s.id = ? AND s.ended_at IS NULL AND s.expires_at > ? AND u.banned_at IS NULL";

/// The first lock of every transaction that changes a user or ends several of their sessions. Sessions are locked after it.
pub(super) const LOCK_USER: Dialects = Dialects {
    mysql: "SELECT banned_at FROM users WHERE id = ? FOR UPDATE",
    sqlite: "SELECT banned_at FROM users WHERE id = ?",
};

/// Waits for a transaction that ends the session.
pub(super) const LOCK_SESSION: Dialects = Dialects {
    mysql: "SELECT ended_at, expires_at FROM sessions WHERE id = ? AND user_id = ? FOR UPDATE",
    sqlite: "SELECT ended_at, expires_at FROM sessions WHERE id = ? AND user_id = ?",
};

pub(super) const UPDATE_LAST_LOGIN: &str = "UPDATE users SET last_login_at = ? WHERE id = ?";

pub(super) const BAN_USER: &str = "UPDATE users SET banned_at = ? WHERE id = ? AND banned_at IS NULL";

pub(super) const UNBAN_USER: &str = "UPDATE users SET banned_at = NULL WHERE id = ? AND banned_at IS NOT NULL";

pub(super) const SELECT_PHONES: &str = "SELECT phone FROM users WHERE phone IN (...)";

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
    SELECT s.id AS session_id, s.salt, s.generation, s.rotated_at, s.device_name, s.last_address, \
    s.created_at AS session_created_at, s.last_used_at, s.expires_at, s.ended_at, \
    COALESCE(s.authenticated_at, s.created_at) AS authenticated_at, s.login_arguments, s.rotation_key, \
    u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at, u.banned_at \
    FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = ?";

pub(super) const SELECT_SESSION_OF_LOGIN: &str = "\
    SELECT s.id AS session_id, s.salt, s.generation, s.rotated_at, s.device_name, s.last_address, \
    s.created_at AS session_created_at, s.last_used_at, s.expires_at, s.ended_at, \
    COALESCE(s.authenticated_at, s.created_at) AS authenticated_at, s.login_arguments, s.rotation_key, \
    u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at, u.banned_at \
    FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.login_key = ?";

pub(super) const SELECT_LIVE_SESSIONS: &str = "\
    SELECT id AS session_id, salt, generation, rotated_at, device_name, last_address, \
    created_at AS session_created_at, last_used_at, expires_at, ended_at, \
    COALESCE(authenticated_at, created_at) AS authenticated_at, login_arguments, rotation_key \
    FROM sessions WHERE user_id = ? AND ended_at IS NULL AND expires_at > ? \
    ORDER BY last_used_at DESC, id DESC LIMIT ?";

pub(super) const EXPORT_SESSIONS: &str = "\
    SELECT id, device_name, first_address, last_address, created_at, \
    COALESCE(authenticated_at, created_at) AS authenticated_at, last_used_at, expires_at, ended_at \
    FROM sessions WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?";

pub(super) const EXPORT_EVENTS: &str = "\
    SELECT sequence, id, kind, facts, created_at FROM events \
    WHERE user_id = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?";

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

/// Both engines give each row of an `INSERT` a greater `sequence` than the rows before it. An event to be delivered has the
/// `due_at` 0 until the server that delivers moves it to `pending_events`.
pub(super) const INSERT_EVENTS: &str = "INSERT INTO events (id, user_id, kind, facts, created_at, due_at) VALUES (...)";

pub(super) const INSERT_EVENT_OF_SESSION: &str = "\
    INSERT INTO events (id, user_id, kind, facts, created_at, due_at) \
    SELECT ?, user_id, ?, ?, ?, ? FROM sessions WHERE id = ?";

pub(super) const TAKE_EVENT_LEASE: &str =
    "UPDATE leases SET holder = ?, expires_at = ? WHERE name = 'events' AND (holder = ? OR expires_at <= ?)";

pub(super) const SELECT_EVENT_LEASE: &str = "SELECT expires_at FROM leases WHERE name = 'events'";

pub(super) const SELECT_NEW_EVENTS: &str =
    "SELECT sequence FROM events WHERE due_at IS NOT NULL ORDER BY due_at, sequence LIMIT ?";

/// An event waits at least as long as the earlier ones of its queue. An event that the previous version has attempted keeps
/// the time of its next attempt.
pub(super) const INSERT_PENDING_EVENTS: &str = "\
    INSERT INTO pending_events (sequence, queue, due_at) \
    SELECT e.sequence, COALESCE(e.user_id, e.id), COALESCE(MAX(p.due_at), CASE e.attempts WHEN 0 THEN 0 ELSE e.due_at END) \
    FROM events e LEFT JOIN pending_events p ON p.queue = COALESCE(e.user_id, e.id) AND p.sequence < e.sequence \
    WHERE e.sequence IN (...) AND e.due_at IS NOT NULL \
    AND NOT EXISTS (SELECT 1 FROM pending_events moved WHERE moved.sequence = e.sequence) \
    GROUP BY e.sequence, e.user_id, e.id, e.attempts, e.due_at";

pub(super) const CLEAR_NEW_EVENTS: &str = "UPDATE events SET due_at = NULL WHERE sequence IN (...)";

/// The order is the one of the index on `due_at`. In any other order, MariaDB would prefer an index that cannot find due events.
pub(super) const SELECT_DUE_EVENTS: &str = "\
    SELECT e.sequence, e.id, e.user_id, e.kind, e.facts, e.created_at, e.attempts, e.failure \
    FROM pending_events p JOIN events e ON e.sequence = p.sequence \
    WHERE p.due_at <= ? AND NOT EXISTS (SELECT 1 FROM pending_events earlier \
    WHERE earlier.queue = p.queue AND earlier.sequence < p.sequence) ORDER BY p.due_at, p.sequence LIMIT ?";

/// An event that is not pending any more was delivered by another server, whose lease had expired.
pub(super) const RECORD_DELIVERY: &str = "\
    UPDATE events SET attempts = attempts + 1, delivered_at = ?, dead_at = ?, failure = ? WHERE sequence = ? \
    AND EXISTS (SELECT 1 FROM pending_events p WHERE p.sequence = events.sequence)";

pub(super) const DELETE_PENDING_EVENT: &str = "DELETE FROM pending_events WHERE sequence = ?";

/// Later events of the queue wait too. They would be found again and again as long as the first one is retried.
pub(super) const POSTPONE_QUEUE: &str = "UPDATE pending_events SET due_at = ? WHERE queue = ?";

/// Counts at most as many rows of each table as the limits say.
pub(super) const SELECT_BACKLOG: &str = "\
    SELECT (SELECT COUNT(*) FROM (SELECT sequence FROM pending_events WHERE due_at >= 0 LIMIT ?) moved) \
    + (SELECT COUNT(*) FROM (SELECT sequence FROM events WHERE due_at IS NOT NULL LIMIT ?) fresh) AS pending, \
    (SELECT created_at FROM events WHERE sequence = (SELECT MIN(sequence) FROM pending_events)) AS oldest_moved, \
    (SELECT created_at FROM events WHERE due_at IS NOT NULL ORDER BY due_at, sequence LIMIT 1) AS oldest_new";

pub(super) const SELECT_USER_EVENTS: &str = "\
    SELECT sequence, id, user_id, kind, facts, created_at, attempts, failure FROM events \
    WHERE user_id = ? ORDER BY sequence DESC LIMIT ?";

/// In the order of the index on `dead_at`, see `SELECT_DUE_EVENTS`.
pub(super) const SELECT_DEAD_EVENTS: &str = "\
    SELECT sequence, id, user_id, kind, facts, created_at, attempts, failure FROM events \
    WHERE dead_at IS NOT NULL ORDER BY dead_at, sequence LIMIT ?";

pub(super) const RETRY_EVENT: &str =
    "UPDATE events SET due_at = 0, dead_at = NULL, attempts = 0 WHERE id = ? AND dead_at IS NOT NULL";

pub(super) const RETRY_DEAD_EVENTS: Dialects = Dialects {
    mysql: "UPDATE events SET due_at = 0, dead_at = NULL, attempts = 0 WHERE dead_at IS NOT NULL LIMIT ?",
    sqlite: "UPDATE events SET due_at = 0, dead_at = NULL, attempts = 0 \
             WHERE sequence IN (SELECT sequence FROM events WHERE dead_at IS NOT NULL LIMIT ?)",
};

pub(super) const PURGE_EVENTS: Dialects = Dialects {
    mysql: "DELETE FROM events WHERE created_at < ? LIMIT ?",
    sqlite: "DELETE FROM events WHERE sequence IN (SELECT sequence FROM events WHERE created_at < ? LIMIT ?)",
};

/// `COALESCE` keeps the engines from the index on `due_at`, in which nearly all events are null.
pub(super) const PURGE_EVENTS_NOT_PENDING: Dialects = Dialects {
    mysql: "DELETE FROM events WHERE created_at < ? AND COALESCE(due_at, -1) < 0 \
            AND NOT EXISTS (SELECT 1 FROM pending_events p WHERE p.sequence = events.sequence) LIMIT ?",
    sqlite: "DELETE FROM events WHERE sequence IN (SELECT sequence FROM events WHERE created_at < ? AND COALESCE(due_at, -1) < 0 \
             AND NOT EXISTS (SELECT 1 FROM pending_events p WHERE p.sequence = events.sequence) LIMIT ?)",
};
