//! How users are printed: phones are masked unless the operator asks for whole ones.

use clap::Args;
use serde_json::{Value, json};

use crate::account_store::{ExportedEvent, ExportedSession};
use crate::operators::Export;
use crate::users::User;

/// Flags of the commands that print users.
#[derive(Debug, Clone, Copy, Args)]
pub(in crate::cli) struct Output {
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
    /// Print whole phone numbers. An event records this
    #[arg(long)]
    pub(super) reveal: bool,
}

impl Output {
    /// Returns the line of a user: JSON, or phone, id, time of sign-up, name, and the time of the ban if there is one.
    pub(super) fn line(self, user: &User) -> String {
        if self.json {
            return format!("{}\n", user_json(user, self.reveal));
        }
        let banned = user.banned_at.map(|at| format!("\tbanned {at}")).unwrap_or_default();
        format!("{}\t{}\t{}\t{}{banned}\n", phone(user, self.reveal), user.id, user.created_at, user.name)
    }
}

/// Returns everything about a user as indented JSON.
pub(super) fn export(export: &Export, reveal: bool) -> String {
    let sessions: Vec<Value> = export.sessions.iter().map(session_json).collect();
    let events: Vec<Value> = export.events.iter().map(event_json).collect();
    let all = json!({ "user": user_json(&export.user, reveal), "sessions": sessions, "events": events });
    format!("{all:#}\n")
}

fn phone(user: &User, reveal: bool) -> String {
    if reveal { user.phone.e164().to_owned() } else { user.phone.to_string() }
}

fn user_json(user: &User, reveal: bool) -> Value {
    json!({
        "phone": phone(user, reveal),
        "id": user.id.to_string(),
        "name": user.name,
        "avatar": user.avatar,
        "created_at": user.created_at.to_string(),
        "last_login_at": user.last_login_at.to_string(),
        "banned_at": user.banned_at.map(|at| at.to_string()),
    })
}

fn session_json(session: &ExportedSession) -> Value {
    json!({
        "id": session.id.to_string(),
        "device_name": session.device_name,
        "first_address": session.first_address,
        "last_address": session.last_address,
        "created_at": session.created_at.to_string(),
        "authenticated_at": session.authenticated_at.to_string(),
        "last_used_at": session.last_used_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "ended_at": session.ended_at.map(|at| at.to_string()),
    })
}

fn event_json(event: &ExportedEvent) -> Value {
    json!({
        "id": event.id.to_string(),
        "kind": event.kind,
        "at": event.created_at.to_string(),
        "facts": event.facts,
    })
}
