-- Counts an attempt of an address in a sliding window, unless the address has no attempts left.
-- KEYS: 1 attempts of the address
-- Arguments: now (ms), id, limit, window (ms)
-- Returns 0 if the attempt is counted, else the time (ms) from which the address may try again.
-- Race: simultaneous attempts. Each is counted before its code is compared, so they cannot exceed the limit.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', args.now - args.window)
local inside = redis.call('ZCARD', KEYS[1])
if inside >= args.limit then
  local first = inside - args.limit
  return tonumber(redis.call('ZRANGE', KEYS[1], first, first, 'WITHSCORES')[2]) + args.window
end
redis.call('ZADD', KEYS[1], args.now, args.id)
redis.call('PEXPIRE', KEYS[1], args.window)
return 0
