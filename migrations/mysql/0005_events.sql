-- Security events, and their delivery as webhooks. Events of one user are in the order of `sequence`. There is no foreign
-- key: the events of a deleted user stay until their retention ends.
-- `due_at` is the time of the next attempt to deliver the event. It is null if the event is delivered, if its delivery was
-- given up (`dead_at`), or if no webhook was configured when it was written.
CREATE TABLE events (
  sequence BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  id BINARY(16) NOT NULL,
  user_id BINARY(16) NULL,
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  facts VARCHAR(1024) NOT NULL,
  created_at BIGINT NOT NULL,
  due_at BIGINT NULL,
  attempts BIGINT NOT NULL DEFAULT 0,
  delivered_at BIGINT NULL,
  dead_at BIGINT NULL,
  failure VARCHAR(255) NULL,
  UNIQUE KEY events_id (id),
  KEY events_user (user_id, due_at),
  KEY events_due_at (due_at),
  KEY events_dead_at (dead_at),
  KEY events_created_at (created_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

-- The server that does a task, until its lease expires or it renews the lease.
CREATE TABLE leases (
  name VARCHAR(32) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL PRIMARY KEY,
  holder BINARY(16) NOT NULL,
  expires_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

INSERT INTO leases (name, holder, expires_at) VALUES ('events', UNHEX(REPEAT('00', 16)), 0);
