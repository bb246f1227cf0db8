-- The counts of messages by day, route, region and purpose, for a server without Redis. The day is the number of days since
-- 1970-01-01; the price is in millionths of the operator's unit.
CREATE TABLE spend (
  day INTEGER NOT NULL,
  route TEXT NOT NULL,
  region TEXT NOT NULL,
  purpose TEXT NOT NULL,
  accepted INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  used INTEGER NOT NULL,
  refunded INTEGER NOT NULL,
  unconfirmed INTEGER NOT NULL,
  price INTEGER NOT NULL,
  PRIMARY KEY (day, route, region, purpose)
);
