-- Checks waits, the day's count and the cooldown, then counts the send and stores the challenge: all or nothing.
-- KEYS: 1 phone, 2 challenge, 3 failures of the phone from this address
-- ARGV: 1 'issue', or 'check' to change nothing, 2 now (ms), 3 cooldown (ms, 0: none), 4 sends a day (0: any), 5 day,
--       6 failures by address, 7 failures in all, 8 nonce, 9 digest (base64url), 10 expires at (ms),
--       11 what stands before a nonce in the key of a challenge, 12 live challenges of a phone,
--       13 memory of the phone (ms), 14 reference, if there is one
-- Returns {'issued', sends today} | {'wait', until ms} | {'daily'} | {'cooldown', until ms}
-- Closes the race of simultaneous requests for one phone: only one passes the cooldown and the last of the day.
local now, cooldown, daily, day = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local till = math.max(wait_until(KEYS[3], tonumber(ARGV[6]), now), wait_until(KEYS[1], tonumber(ARGV[7]), now))
if till > 0 then return {'wait', till} end

-- A day never goes back: servers whose days begin at different times would begin a new count at each other's send.
local was = redis.call('HMGET', KEYS[1], 'day', 'sends', 'last_send')
local sends = 0
if was[1] and tonumber(was[1]) >= day then
  day = tonumber(was[1])
  sends = tonumber(was[2] or 0)
end
if daily > 0 and sends >= daily then return {'daily'} end
if cooldown > 0 and was[3] and tonumber(was[3]) + cooldown > now then
  return {'cooldown', tonumber(was[3]) + cooldown}
end
if ARGV[1] == 'check' then return {'issued', sends + 1} end

redis.call('HSET', KEYS[1], 'day', day, 'sends', sends + 1, 'last_send', now)
local sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)

-- The live challenges are a ring: this one takes the place of the one that was issued so many sends ago.
local place = 'live:' .. sequence % tonumber(ARGV[12])
local oldest = redis.call('HGET', KEYS[1], place)
if oldest then redis.call('DEL', ARGV[11] .. oldest) end
redis.call('HSET', KEYS[1], place, ARGV[8])
keep(KEYS[1], tonumber(ARGV[13]))

redis.call('HSET', KEYS[2], 'state', 'issued', 'digest', ARGV[9], 'issued_at', now, 'expires_at', ARGV[10],
  'attempts', 0, 'sequence', sequence, 'day', day)
if ARGV[14] then redis.call('HSET', KEYS[2], 'reference', ARGV[14]) end
redis.call('PEXPIRE', KEYS[2], math.max(tonumber(ARGV[10]) - now, 0) + 60 * 1000)
return {'issued', sends + 1}
