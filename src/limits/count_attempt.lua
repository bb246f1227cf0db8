-- Counts an attempt of an address in a sliding window, unless the address has no attempt left. The first attempt with a code
-- that this address requested is counted even then. Its code counts as wrong until the attempt is refunded or verified.
-- KEYS: 1 attempts of the address, 2 the send whose code is tried, 3 codes of all users
-- Arguments: now (ms), id, address, limit (0 for no limit), window (ms), spans
-- Returns {0 if the attempt is counted, else the time (ms) from which the address may try again; wrong codes, right codes of
--   the past hour}.
-- Closes the race of simultaneous attempts: each is counted before its code is compared, and one of them is the first.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', args.now - args.window)
local send = redis.call('HMGET', KEYS[2], 'networks', 'first_attempt')
local is_own = send[1] and send[1]:match('%S+') == args.address
local is_first = is_own and not send[2]

local inside = redis.call('ZCARD', KEYS[1])
if args.limit > 0 and inside >= args.limit and not is_first then
  local first = inside - args.limit
  local till = tonumber(redis.call('ZRANGE', KEYS[1], first, first, 'WITHSCORES')[2]) + args.window
  local codes = traffic(KEYS[3], args.now, server_now)
  return {till, codes.wc, codes.rc}
end

if is_first then redis.call('HSET', KEYS[2], 'first_attempt', args.id) end
redis.call('ZADD', KEYS[1], args.now, args.id)
redis.call('PEXPIRE', KEYS[1], args.window)
add(KEYS[3], 'wc', args.now / spans.five_minutes)
redis.call('PEXPIRE', KEYS[3], spans.memory)
local codes = traffic(KEYS[3], args.now, server_now)
return {0, codes.wc, codes.rc}
