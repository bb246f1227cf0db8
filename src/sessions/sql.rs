//! The statements of sessions, which read the same on both SQL engines.

pub(super) const INSERT: &str = "INSERT INTO sessions (id, user_id, salt, generation, rotated_at, device_name, \
     first_address, last_address, created_at, last_used_at, expires_at) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?)";

pub(super) const SELECT_LIVE_USER: &str = "SELECT u.id, u.phone, u.name, u.avatar, u.created_at, u.last_login_at FROM sessions s \
     JOIN users u ON u.id = s.user_id WHERE s.id = ? AND s.ended_at IS NULL AND s.expires_at > ?";

pub(super) const END: &str = "UPDATE sessions SET ended_at = ? WHERE id = ? AND ended_at IS NULL";

/// How often a sign-in that met another is tried.
pub(super) const SIGN_IN_TRIES: usize = 4;
