-- Turns a claim into consumed, voids the phone's other challenges of the purpose, forgets its failures.
-- KEYS: 1 phone, 2 challenge, 3 failures of the phone from this address
-- ARGV: 1 claim token, 2 purpose, 3 memory of the phone (ms)
-- Returns 1, also for a repeat, or 0 where the claim is not held any more.
-- Closes the race of a lapsed claim: whoever claimed since then holds the challenge, not the one who comes late.
local c = redis.call('HMGET', KEYS[2], 'state', 'claim')
if c[2] ~= ARGV[1] then return 0 end
if c[1] == 'consumed' then return 1 end
if c[1] ~= 'claimed' then return 0 end
redis.call('HSET', KEYS[2], 'state', 'consumed')
redis.call('HSET', KEYS[1], 'voided:' .. ARGV[2], redis.call('HGET', KEYS[1], 'sequence') or 0)

-- The phone's key may have been evicted since the send: what is written to it now must not stay for ever.
keep(KEYS[1], tonumber(ARGV[3]))
redis.call('HDEL', KEYS[1], 'failures', 'failed_at', 'wait_until')
redis.call('DEL', KEYS[3])
return 1
