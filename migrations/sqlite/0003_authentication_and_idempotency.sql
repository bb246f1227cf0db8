-- All columns can be null: the previous version inserts sessions without them while it is still running. A session without
-- `authenticated_at` was authenticated when it was created.
-- The other columns are keyed hashes of 32 bytes: the idempotency key of the sign-in, which names at most one session, the
-- arguments of the sign-in, and the idempotency key of the last refresh.
ALTER TABLE sessions ADD COLUMN authenticated_at INTEGER;
ALTER TABLE sessions ADD COLUMN login_key BLOB;
ALTER TABLE sessions ADD COLUMN login_arguments BLOB;
ALTER TABLE sessions ADD COLUMN rotation_key BLOB;
CREATE UNIQUE INDEX sessions_login_key ON sessions (login_key);
