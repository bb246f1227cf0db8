-- The counts of messages by day, route, region and purpose, for a server without Redis. The day is the number of days since
-- 1970-01-01; the price is in millionths of the operator's unit.
CREATE TABLE spend (
  day BIGINT NOT NULL,
  route VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  region VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  purpose VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  accepted BIGINT NOT NULL,
  delivered BIGINT NOT NULL,
  failed BIGINT NOT NULL,
  used BIGINT NOT NULL,
  refunded BIGINT NOT NULL,
  unconfirmed BIGINT NOT NULL,
  price BIGINT NOT NULL,
  PRIMARY KEY (day, route, region, purpose)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4 COLLATE = utf8mb4_unicode_ci;
