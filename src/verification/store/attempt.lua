-- Checks waits, state, age, attempts and digits, in that order; then claims the challenge or counts the wrong code.
-- KEYS: 1 phone, 2 challenge, 3 wrong codes for the phone from this address; if there is a device: 4 when the phone's devices
--   were revoked, 5 device, 6 wrong codes for the device from this address
-- Arguments: now (ms), digest (base64url), claim (token), purpose, max_attempts, claim_lease (ms), by_address, in_all (wrong
--   codes before a wait, 0 for no waits), failure_memory (ms), waits (ms, an array), device_issued_at (ms, optional)
-- Returns {'claimed', JSON of reference and recognized} | {'incorrect', JSON of attempts_remaining and recognized} |
--   {'expired'} | {'wait', until ms}
-- Closes the race of simultaneous right codes: one claims the challenge, the others find it claimed.
local now = args.now
local recognized = is_recognized(KEYS[4], args.device_issued_at)
local bucket, failures = KEYS[1], KEYS[3]
if recognized then bucket, failures = KEYS[5], KEYS[6] end
local till = math.max(wait_until(failures, args.by_address, now), wait_until(bucket, args.in_all, now))
if till > 0 then return {'wait', till} end

local c = redis.call('HMGET', KEYS[2], 'state', 'digest', 'expires_at', 'attempts', 'sequence', 'claim', 'claimed_at',
  'reference', 'older')
local state, attempts = c[1], tonumber(c[4] or 0)
local held = state == 'claimed' and c[6] ~= args.claim and tonumber(c[7]) + args.claim_lease > now
if not (state == 'issued' or state == 'claimed') or held then return {'expired'} end
local voided = tonumber(redis.call('HGET', KEYS[1], 'voided:' .. args.purpose) or 0)
if tonumber(c[5]) <= voided or tonumber(c[3]) <= now or attempts >= args.max_attempts then return {'expired'} end

-- Constant time: every byte of every code is compared, wherever the first difference is.
local function is_same(stored, submitted)
  local difference = #stored == #submitted and 0 or 1
  for i = 1, math.min(#stored, #submitted) do
    difference = bit.bor(difference, bit.bxor(stored:byte(i), submitted:byte(i)))
  end
  return difference == 0
end
local is_right = is_same(c[2], args.digest)
for _, code in ipairs(c[9] and cjson.decode(c[9]) or {}) do
  local same = is_same(code.digest, args.digest)
  is_right = is_right or (same and code.expires_at > now)
end
if is_right then
  redis.call('HSET', KEYS[2], 'state', 'claimed', 'claim', args.claim, 'claimed_at', now)
  return {'claimed', cjson.encode({reference = c[8] or nil, recognized = recognized})}
end

attempts = attempts + 1
redis.call('HSET', KEYS[2], 'state', attempts >= args.max_attempts and 'exhausted' or 'issued', 'attempts', attempts)
count_failure(bucket, args.in_all, now, args.failure_memory, args.waits)
count_failure(failures, args.by_address, now, args.failure_memory, args.waits)
return {'incorrect', cjson.encode({attempts_remaining = args.max_attempts - attempts, recognized = recognized})}
