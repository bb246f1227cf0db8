-- Gives a claim back, so that the same code can be tried again.
-- KEYS: 1 challenge
-- ARGV: 1 claim token
-- Returns 1 where the claim was held, else 0.
-- Closes the race with whoever claimed after the lease ended: another's claim is left alone.
local c = redis.call('HMGET', KEYS[1], 'state', 'claim')
if c[1] ~= 'claimed' or c[2] ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'state', 'issued')
redis.call('HDEL', KEYS[1], 'claim', 'claimed_at')
return 1
