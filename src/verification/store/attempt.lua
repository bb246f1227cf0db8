-- Looks at waits, state, age, attempts and digits, in that order; claims the challenge or counts the failure.
-- KEYS: 1 phone, 2 challenge, 3 failures of the phone from this address
-- ARGV: 1 now (ms), 2 digest (base64url), 3 claim token, 4 attempts a challenge, 5 failures by address, 6 failures in all,
--       7 purpose, 8 claim lease (ms), 9 memory of failures (ms), 10.. waits (ms)
-- Returns {'claimed'} or {'claimed', reference} | {'incorrect', attempts remaining} | {'expired'} | {'wait', until ms}
-- Closes the race of simultaneous right codes: one gets the claim, the rest find it taken.
local now, max = tonumber(ARGV[1]), tonumber(ARGV[4])
local by_address, in_all = tonumber(ARGV[5]), tonumber(ARGV[6])
local till = math.max(wait_until(KEYS[3], by_address, now), wait_until(KEYS[1], in_all, now))
if till > 0 then return {'wait', till} end

local c = redis.call('HMGET', KEYS[2], 'state', 'digest', 'expires_at', 'attempts', 'sequence', 'claim', 'claimed_at',
  'reference')
local state, attempts = c[1], tonumber(c[4] or 0)
local held = state == 'claimed' and c[6] ~= ARGV[3] and tonumber(c[7]) + tonumber(ARGV[8]) > now
if not (state == 'issued' or state == 'claimed') or held then return {'expired'} end
local voided = tonumber(redis.call('HGET', KEYS[1], 'voided:' .. ARGV[7]) or 0)
if tonumber(c[5]) <= voided or tonumber(c[3]) <= now or attempts >= max then return {'expired'} end

-- Constant time: every byte is looked at, wherever the first difference is.
local difference = #c[2] == #ARGV[2] and 0 or 1
for i = 1, math.min(#c[2], #ARGV[2]) do
  difference = bit.bor(difference, bit.bxor(c[2]:byte(i), ARGV[2]:byte(i)))
end
if difference == 0 then
  redis.call('HSET', KEYS[2], 'state', 'claimed', 'claim', ARGV[3], 'claimed_at', now)
  return c[8] and {'claimed', c[8]} or {'claimed'}
end

attempts = attempts + 1
redis.call('HSET', KEYS[2], 'state', attempts >= max and 'exhausted' or 'issued', 'attempts', attempts)
local waits = {}
for i = 10, #ARGV do waits[i - 9] = tonumber(ARGV[i]) end
count_failure(KEYS[1], in_all, now, tonumber(ARGV[9]), waits)
count_failure(KEYS[3], by_address, now, tonumber(ARGV[9]), waits)
return {'incorrect', max - attempts}
