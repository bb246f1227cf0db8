-- Security events, and their delivery as webhooks. Events of one user are in the order of `sequence`. There is no foreign
-- key: the events of a deleted user stay until their retention ends.
-- `due_at` is the time of the next attempt to deliver the event. It is null if the event is delivered, if its delivery was
-- given up (`dead_at`), or if no webhook was configured when it was written.
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id BLOB NOT NULL UNIQUE,
  user_id BLOB,
  kind TEXT NOT NULL,
  facts TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  delivered_at INTEGER,
  dead_at INTEGER,
  failure TEXT
);

CREATE INDEX events_user ON events (user_id, due_at);
CREATE INDEX events_due_at ON events (due_at);
CREATE INDEX events_dead_at ON events (dead_at);
CREATE INDEX events_created_at ON events (created_at);

-- The server that does a task, until its lease expires or it renews the lease.
CREATE TABLE leases (
  name TEXT NOT NULL PRIMARY KEY,
  holder BLOB NOT NULL,
  expires_at INTEGER NOT NULL
);

INSERT INTO leases (name, holder, expires_at) VALUES ('events', zeroblob(16), 0);
