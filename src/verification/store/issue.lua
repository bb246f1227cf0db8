-- Checks waits, the day's count and the cooldown, then counts the send and stores the challenge: all or nothing.
-- KEYS: 1 phone, 2 challenge, 3 wrong codes for the phone from this address
-- Arguments: now (ms), check_only, cooldown (ms, 0 for none), daily (sends a day, 0 for no limit), day,
--   by_address, in_all (wrong codes before a wait, 0 for no waits), nonce, digest (base64url), expires_at (ms),
--   challenges (the key of a challenge without the nonce), live_challenges (at most, for one phone),
--   phone_memory (ms), challenge_memory (ms, after the expiry), reference (optional)
-- Returns {'issued', sends today} | {'wait', until ms} | {'daily'} | {'cooldown', until ms}
-- Race: simultaneous requests for one phone. Only one of them passes the cooldown or gets the last send of the day.
local now, day = args.now, args.day
local till = math.max(wait_until(KEYS[3], args.by_address, now), wait_until(KEYS[1], args.in_all, now))
if till > 0 then return {'wait', till} end

-- A day never goes back: servers whose days begin at different times must not restart each other's count.
local phone = redis.call('HMGET', KEYS[1], 'day', 'sends', 'last_send')
local sends, last_send = 0, tonumber(phone[3] or 0)
if phone[1] and tonumber(phone[1]) >= day then
  day = tonumber(phone[1])
  sends = tonumber(phone[2] or 0)
end
if args.daily > 0 and sends >= args.daily then return {'daily'} end
if args.cooldown > 0 and phone[3] and last_send + args.cooldown > now then
  return {'cooldown', last_send + args.cooldown}
end
if args.check_only then return {'issued', sends + 1} end

redis.call('HSET', KEYS[1], 'day', day, 'sends', sends + 1, 'last_send', now)
local sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)

-- The live challenges are a ring: this one replaces the one that was issued `live_challenges` sends ago.
local place = 'live:' .. sequence % args.live_challenges
local oldest = redis.call('HGET', KEYS[1], place)
if oldest then redis.call('DEL', args.challenges .. oldest) end
redis.call('HSET', KEYS[1], place, args.nonce)
keep(KEYS[1], args.phone_memory)

redis.call('HSET', KEYS[2], 'state', 'issued', 'digest', args.digest, 'issued_at', now, 'expires_at', args.expires_at,
  'attempts', 0, 'sequence', sequence, 'day', day)
if args.reference then redis.call('HSET', KEYS[2], 'reference', args.reference) end
redis.call('PEXPIRE', KEYS[2], math.max(args.expires_at - now, 0) + args.challenge_memory)
return {'issued', sends + 1}
