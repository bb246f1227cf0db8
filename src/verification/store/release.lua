-- Releases a claim, so that the same code can be tried again.
-- KEYS: 1 challenge
-- Arguments: claim (token)
-- Returns 1 if the claim was held, else 0.
-- Race: the lease ends, and another request claims the challenge. Its claim is not released.
local c = redis.call('HMGET', KEYS[1], 'state', 'claim')
if c[1] ~= 'claimed' or c[2] ~= args.claim then return 0 end
redis.call('HSET', KEYS[1], 'state', 'issued')
redis.call('HDEL', KEYS[1], 'claim', 'claimed_at')
return 1
