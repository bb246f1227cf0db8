//! Attacks by connections: many, silent, slow or unread ones, against a real server process.
