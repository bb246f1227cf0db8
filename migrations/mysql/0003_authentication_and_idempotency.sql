-- All columns can be null: the previous version inserts sessions without them while it is still running. A session without
-- `authenticated_at` was authenticated when it was created.
-- The other columns are keyed hashes of 32 bytes: the idempotency key of the sign-in, which names at most one session, the
-- arguments of the sign-in, and the idempotency key of the last refresh.
ALTER TABLE sessions
  ADD COLUMN authenticated_at BIGINT NULL,
  ADD COLUMN login_key BINARY(32) NULL,
  ADD COLUMN login_arguments BINARY(32) NULL,
  ADD COLUMN rotation_key BINARY(32) NULL,
  ADD UNIQUE KEY sessions_login_key (login_key);
