-- Checks waits, the day's count and the cooldown, then counts the send and stores the challenge: all or nothing.
-- KEYS: 1 phone, 2 challenge, 3 failures of the phone from this address
-- ARGV: 1 now (ms), 2 cooldown (ms), 3 sends a day (0: any), 4 day, 5 failures by address, 6 failures in all,
--       7 digest (base64url), 8 expires at (ms), 9 '1' with a reference or '0', 10 reference
-- Returns {'issued', sends today} | {'wait', until ms} | {'daily'} | {'cooldown', until ms}
-- Closes the race of simultaneous requests for one phone: only one passes the cooldown and the last of the day.
local now, cooldown, daily, day = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local till = math.max(wait_until(KEYS[3], tonumber(ARGV[5]), now), wait_until(KEYS[1], tonumber(ARGV[6]), now))
if till > 0 then return {'wait', till} end
local was = redis.call('HMGET', KEYS[1], 'day', 'sends', 'last_send')
local sends = was[1] == day and tonumber(was[2] or 0) or 0
if daily > 0 and sends >= daily then return {'daily'} end
if was[3] and tonumber(was[3]) + cooldown > now then return {'cooldown', tonumber(was[3]) + cooldown} end
redis.call('HSET', KEYS[1], 'day', day, 'sends', sends + 1, 'last_send', now)
local sequence = redis.call('HINCRBY', KEYS[1], 'sequence', 1)
keep(KEYS[1], 2 * 24 * 60 * 60 * 1000)
redis.call('HSET', KEYS[2], 'state', 'issued', 'digest', ARGV[7], 'issued_at', now, 'expires_at', ARGV[8],
  'attempts', 0, 'sequence', sequence, 'day', day)
if ARGV[9] == '1' then redis.call('HSET', KEYS[2], 'reference', ARGV[10]) end
redis.call('PEXPIRE', KEYS[2], math.max(tonumber(ARGV[8]) - now, 0) + 60 * 1000)
return {'issued', sends + 1}
