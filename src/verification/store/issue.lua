-- Looks up the idempotency key; checks waits, the day's counts and the cooldown; then counts the send, stores the challenge,
-- reserves the key, and replaces the challenge that this one is a resend of: all or nothing.
-- KEYS: 1 phone, 2 challenge, 3 wrong codes for the phone from this address, 4 sends to the phone from this address;
--   if there is a device: 5 when the phone's devices were revoked, 6 device, 7 wrong codes for the device from this address;
--   the last one, if there is an idempotency key: 5 or 8 idempotency key
-- Arguments: now (ms), check_only, needs_predecessor, cooldown (ms, 0 for none), daily, daily_by_address, daily_of_devices (sends a day, 0 for no
--   limit), day, by_address, in_all (wrong codes before a wait, 0 for no waits), purpose, nonce, digest (base64url),
--   expires_at (ms), challenges (the key of a challenge without the nonce), live_challenges (how many a bucket has),
--   older_codes (how many codes of replaced challenges are accepted), claim_lease, phone_memory, challenge_memory (ms, after
--   the expiry), send_lease (ms); optional: reference, device_issued_at (ms), key_arguments, resend_of (nonce)
-- Returns {'issued', JSON of sends today, sends remaining and recognized} | {'repeated', JSON of the answer} | {'in_flight'} |
--   {'mismatch'} | {'no_predecessor'} | {'wait', until ms} | {'daily'} | {'cooldown', until ms}
-- Closes the race of simultaneous requests for one phone: one gets past the cooldown, one gets the last send of the day, and
-- of the requests with one idempotency key one sends a code.
local now, day = args.now, args.day

-- Returns whether the code of a challenge can still be used, and whether nobody has claimed it.
local function state_of(nonce)
  local c = redis.call('HMGET', args.challenges .. nonce, 'state', 'sequence', 'expires_at', 'purpose', 'claimed_at')
  if c[1] ~= 'issued' and c[1] ~= 'claimed' then return false, false end
  local voided = tonumber(redis.call('HGET', KEYS[1], 'voided:' .. c[4]) or 0)
  local lives = tonumber(c[2]) > voided and tonumber(c[3]) > now
  return lives, lives and (c[1] == 'issued' or tonumber(c[5]) + args.claim_lease <= now)
end

local request = args.key_arguments and KEYS[#KEYS]
if request then
  local r = redis.call('HMGET', request, 'arguments', 'nonce', 'lease_ends', 'answer')
  if r[1] and state_of(r[2]) and (r[4] or tonumber(r[3]) > now) then
    if r[1] ~= args.key_arguments then return {'mismatch'} end
    return r[4] and {'repeated', r[4]} or {'in_flight'}
  end
end

if args.needs_predecessor and not (args.resend_of and state_of(args.resend_of)) then return {'no_predecessor'} end

local recognized = is_recognized(KEYS[5], args.device_issued_at)
local bucket, failures = KEYS[1], KEYS[3]
if recognized then bucket, failures = KEYS[6], KEYS[7] end
local till = math.max(wait_until(failures, args.by_address, now), wait_until(bucket, args.in_all, now))
if till > 0 then return {'wait', till} end

-- Returns the day that a count goes on with, and the count. A day never goes back: servers whose days begin at different
-- times must not restart each other's count.
local function counted(key, day_field, sends_field)
  local c = redis.call('HMGET', key, day_field, sends_field)
  if c[1] and tonumber(c[1]) >= day then return tonumber(c[1]), tonumber(c[2] or 0) end
  return day, 0
end

local remaining = nil
local function is_full(limit, sends)
  if limit == 0 then return false end
  remaining = math.min(remaining or limit, limit - sends - 1)
  return sends >= limit
end

local sends
day, sends = counted(bucket, 'day', 'sends')
if is_full(args.daily, sends) then return {'daily'} end

-- The second count: of this address, or of all devices together.
local second, day_field, sends_field, limit = KEYS[4], 'day', 'sends', args.daily_by_address
if recognized then second, day_field, sends_field, limit = KEYS[1], 'device_day', 'device_sends', args.daily_of_devices end
local second_day, second_sends = counted(second, day_field, sends_field)
if is_full(limit, second_sends) then return {'daily'} end

local last_send = redis.call('HGET', bucket, 'last_send')
if args.cooldown > 0 and last_send and tonumber(last_send) + args.cooldown > now then
  return {'cooldown', tonumber(last_send) + args.cooldown}
end
local issued = {'issued', cjson.encode({sends = sends + 1, remaining = remaining, recognized = recognized})}
if args.check_only then return issued end

redis.call('HSET', bucket, 'day', day, 'sends', sends + 1, 'last_send', now)
if limit > 0 then
  redis.call('HSET', second, day_field, second_day, sends_field, second_sends + 1)
  keep(second, args.phone_memory)
  redis.call('HSET', KEYS[2], 'second_day', second_day)
end

-- The live challenges of a bucket are a ring: this one replaces the one that was issued `live_challenges` sends ago.
local sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)
local place = 'live:' .. redis.call('HINCRBY', bucket, 'issued', 1) % args.live_challenges
local oldest = redis.call('HGET', bucket, place)
if oldest then redis.call('DEL', args.challenges .. oldest) end
redis.call('HSET', bucket, place, args.nonce)
keep(KEYS[1], args.phone_memory)
keep(bucket, args.phone_memory)

redis.call('HSET', KEYS[2], 'state', 'issued', 'purpose', args.purpose, 'digest', args.digest, 'issued_at', now,
  'expires_at', args.expires_at, 'attempts', 0, 'sequence', sequence, 'day', day, 'recognized', recognized and 1 or 0)
if args.reference then redis.call('HSET', KEYS[2], 'reference', args.reference) end
local memory = math.max(args.expires_at - now, 0) + args.challenge_memory
redis.call('PEXPIRE', KEYS[2], memory)

if args.resend_of then
  local replaced = args.challenges .. args.resend_of
  local c = redis.call('HMGET', replaced, 'digest', 'expires_at', 'older', 'reference')
  local _, is_free = state_of(args.resend_of)
  if is_free and (c[4] or nil) == args.reference then
    local older = {{digest = c[1], expires_at = tonumber(c[2])}}
    for _, code in ipairs(c[3] and cjson.decode(c[3]) or {}) do
      if code.expires_at > now and #older < args.older_codes then table.insert(older, code) end
    end
    redis.call('HSET', replaced, 'state', 'replaced')
    redis.call('HSET', KEYS[2], 'replaces', args.resend_of, 'older', cjson.encode(older))
  end
end

if request then
  redis.call('DEL', request)
  redis.call('HSET', request, 'arguments', args.key_arguments, 'nonce', args.nonce, 'lease_ends', now + args.send_lease)
  redis.call('PEXPIRE', request, memory)
end
return issued
