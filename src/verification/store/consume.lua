-- Turns a claim into consumed, voids the phone's other challenges of the purpose, and resets the bucket's wrong codes.
-- KEYS: 1 phone, 2 challenge, 3 bucket (the phone, or the device that the attempt recognized), 4 wrong codes for the bucket from
--   this address
-- Arguments: claim (token), purpose, phone_memory (ms)
-- Returns 1, also if the call is repeated, or 0 if the claim is not held any more.
-- Race: the claim's lease ends, and another request claims the challenge. Then only that request can consume it.
local c = redis.call('HMGET', KEYS[2], 'state', 'claim')
if c[2] ~= args.claim then return 0 end
if c[1] == 'consumed' then return 1 end
if c[1] ~= 'claimed' then return 0 end
redis.call('HSET', KEYS[2], 'state', 'consumed')
redis.call('HSET', KEYS[1], 'voided:' .. args.purpose, redis.call('HGET', KEYS[1], 'sequence') or 0)

-- Redis may have evicted the phone's key since the send. A key that is created here needs a TTL, too.
keep(KEYS[1], args.phone_memory)
redis.call('HDEL', KEYS[3], 'failures', 'failed_at', 'wait_until')
redis.call('DEL', KEYS[4])
return 1
