-- Counts an attempt of an address in a sliding window, unless the address has no attempt left. The first attempt with a code
-- that this address requested is counted even then.
-- KEYS: 1 attempts of the address, 2 the send whose code is tried
-- Arguments: now (ms), id, address, limit, window (ms)
-- Returns 0 if the attempt is counted, else the time (ms) from which the address may try again.
-- Closes the race of simultaneous attempts: each is counted before its code is compared, and one of them is the first.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', args.now - args.window)
local send = redis.call('HMGET', KEYS[2], 'networks', 'first_attempt')
local is_own = send[1] and send[1]:match('%S+') == args.address
local is_first = is_own and not send[2]

local inside = redis.call('ZCARD', KEYS[1])
if inside >= args.limit and not is_first then
  local first = inside - args.limit
  return tonumber(redis.call('ZRANGE', KEYS[1], first, first, 'WITHSCORES')[2]) + args.window
end

if is_first then redis.call('HSET', KEYS[2], 'first_attempt', args.id) end
redis.call('ZADD', KEYS[1], args.now, args.id)
redis.call('PEXPIRE', KEYS[1], args.window)
return 0
