-- Counts an attempt of an address in a sliding hour, unless it has had as many as it may.
-- KEYS: 1 attempts of the address
-- ARGV: 1 now (ms), 2 attempt's id, 3 attempts an hour
-- Returns 0 where it is counted, else until when (ms) it is not.
-- Closes the race of simultaneous attempts: each is counted before its code is looked at.
local HOUR = 3600000
local now, limit = tonumber(ARGV[1]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - HOUR)
local inside = redis.call('ZCARD', KEYS[1])
if inside >= limit then
  return tonumber(redis.call('ZRANGE', KEYS[1], inside - limit, inside - limit, 'WITHSCORES')[2]) + HOUR
end
redis.call('ZADD', KEYS[1], now, ARGV[2])
redis.call('PEXPIRE', KEYS[1], HOUR)
return 0
