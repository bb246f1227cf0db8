-- Voids an issued challenge, forgets its idempotency key, and makes the challenge that it replaced valid again. If `refund` is
-- true, also refunds its cooldown and its places in the day's counts.
-- KEYS: 1 phone, 2 challenge, 3 sends to the phone from this address; 4 device, if there is one; the last one, if there is an
--   idempotency key: 4 or 5 idempotency key
-- Arguments: refund, nonce, challenges (the key of a challenge without the nonce), has_key
-- Returns 1 if the challenge was issued, else 0.
-- Closes the race of a second call: a send is refunded once.
local c = redis.call('HMGET', KEYS[2], 'state', 'issued_at', 'day', 'recognized', 'second_day', 'replaces')
if c[1] ~= 'issued' then return 0 end
redis.call('HSET', KEYS[2], 'state', 'void')

local request = args.has_key and KEYS[#KEYS]
if request and redis.call('HGET', request, 'nonce') == args.nonce then redis.call('DEL', request) end

-- The user may still have, or get, the SMS of the replaced challenge.
if c[6] and redis.call('HGET', args.challenges .. c[6], 'state') == 'replaced' then
  redis.call('HSET', args.challenges .. c[6], 'state', 'issued')
end
if not args.refund then return 1 end

local function take_back(key, day_field, sends_field, day)
  local count = redis.call('HMGET', key, day_field, sends_field)
  if count[1] == day and tonumber(count[2]) > 0 then redis.call('HINCRBY', key, sends_field, -1) end
end
local recognized = c[4] == '1'
local bucket = recognized and KEYS[4] or KEYS[1]
if redis.call('HGET', bucket, 'last_send') == c[2] then redis.call('HDEL', bucket, 'last_send') end
take_back(bucket, 'day', 'sends', c[3])
if c[5] and recognized then take_back(KEYS[1], 'device_day', 'device_sends', c[5]) end
if c[5] and not recognized then take_back(KEYS[3], 'day', 'sends', c[5]) end
return 1
