-- Times are milliseconds since 1970-01-01 UTC; ids are UUIDv7 in 16 bytes.
CREATE TABLE users (
  id BINARY(16) NOT NULL PRIMARY KEY,
  phone VARCHAR(16) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  name VARCHAR(255) NOT NULL,
  avatar VARCHAR(512) NOT NULL,
  created_at BIGINT NOT NULL,
  last_login_at BIGINT NOT NULL,
  UNIQUE KEY users_phone (phone)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;

CREATE TABLE sessions (
  id BINARY(16) NOT NULL PRIMARY KEY,
  user_id BINARY(16) NOT NULL,
  salt BINARY(16) NOT NULL,
  generation BIGINT NOT NULL,
  rotated_at BIGINT NOT NULL,
  device_name VARCHAR(64) NULL,
  first_address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  last_address VARCHAR(43) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT NULL,
  KEY sessions_user (user_id),
  KEY sessions_expires_at (expires_at),
  KEY sessions_ended_at (ended_at),
  CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
