-- Checks waits, state, age, attempts and digits, in that order; then claims the challenge or counts the wrong code.
-- KEYS: 1 phone, 2 challenge, 3 wrong codes for the phone from this address
-- Arguments: now (ms), digest (base64url), claim (token), purpose, max_attempts, claim_lease (ms),
--   by_address, in_all (wrong codes before a wait, 0 for no waits), failure_memory (ms), waits (ms, an array)
-- Returns {'claimed'} or {'claimed', reference} | {'incorrect', attempts remaining} | {'expired'} | {'wait', until ms}
-- Race: several requests submit the right code at the same time. One claims the challenge, the others find it claimed.
local now = args.now
local till = math.max(wait_until(KEYS[3], args.by_address, now), wait_until(KEYS[1], args.in_all, now))
if till > 0 then return {'wait', till} end

local c = redis.call('HMGET', KEYS[2], 'state', 'digest', 'expires_at', 'attempts', 'sequence', 'claim', 'claimed_at',
  'reference')
local state, attempts = c[1], tonumber(c[4] or 0)
local held = state == 'claimed' and c[6] ~= args.claim and tonumber(c[7]) + args.claim_lease > now
if not (state == 'issued' or state == 'claimed') or held then return {'expired'} end
local voided = tonumber(redis.call('HGET', KEYS[1], 'voided:' .. args.purpose) or 0)
if tonumber(c[5]) <= voided or tonumber(c[3]) <= now or attempts >= args.max_attempts then return {'expired'} end

-- Constant time: every byte is compared, even after the first difference.
local stored, submitted = c[2], args.digest
local difference = #stored == #submitted and 0 or 1
for i = 1, math.min(#stored, #submitted) do
  difference = bit.bor(difference, bit.bxor(stored:byte(i), submitted:byte(i)))
end
if difference == 0 then
  redis.call('HSET', KEYS[2], 'state', 'claimed', 'claim', args.claim, 'claimed_at', now)
  return c[8] and {'claimed', c[8]} or {'claimed'}
end

attempts = attempts + 1
redis.call('HSET', KEYS[2], 'state', attempts >= args.max_attempts and 'exhausted' or 'issued', 'attempts', attempts)
count_failure(KEYS[1], args.in_all, now, args.failure_memory, args.waits)
count_failure(KEYS[3], args.by_address, now, args.failure_memory, args.waits)
return {'incorrect', args.max_attempts - attempts}
