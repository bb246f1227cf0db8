-- Takes an attempt out of its address's count.
-- KEYS: 1 attempts of the address
-- ARGV: 1 attempt's id
-- Returns 1 where it was counted, else 0.
-- Closes no race: a second return finds nothing.
return redis.call('ZREM', KEYS[1], ARGV[1])
