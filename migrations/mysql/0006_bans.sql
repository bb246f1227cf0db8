-- Null if the user is not banned. The previous version does not read the column, but a ban also ends the user's sessions.
ALTER TABLE users ADD COLUMN banned_at BIGINT NULL;
