-- Shared functions: this text is put before each script that checks or counts wrong codes.
-- A failure record is three fields of a hash: failures (count), failed_at (ms), wait_until (ms, 0 if there is no wait).

-- Returns the time (ms) at which the wait of `key` ends, or 0 if there is no wait. A limit of 0 turns waits off.
local function wait_until(key, limit, now)
  if limit == 0 then return 0 end
  local till = tonumber(redis.call('HGET', key, 'wait_until') or 0)
  return till > now and till or 0
end

-- Keeps `key` for at least `ms` from now, and never shortens its TTL.
local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end

-- Counts one more wrong code on `key`. From the limit on, waits grow along `waits`.
local function count_failure(key, limit, now, memory, waits)
  local before = redis.call('HMGET', key, 'failures', 'failed_at')
  local count = tonumber(before[1] or 0)
  if tonumber(before[2] or 0) + memory <= now then count = 0 end
  count = count + 1
  local till = 0
  if limit > 0 and count >= limit then till = now + waits[math.min(count - limit + 1, #waits)] end
  redis.call('HSET', key, 'failures', count, 'failed_at', now, 'wait_until', till)
  keep(key, memory)
end

