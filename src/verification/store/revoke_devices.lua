-- Revokes all devices of a phone whose token was not issued after `at`.
-- KEYS: 1 when the phone's devices were revoked
-- Arguments: at (ms), memory (ms)
-- Returns 1.
-- Closes the race of two revocations: the later time stays.
local at = math.max(args.at, tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', args.memory)
return 1
