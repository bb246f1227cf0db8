-- Shared by the scripts that look at or count wrong codes; it stands before each of them.
-- A failures record is three fields of a hash: failures (count), failed_at (ms), wait_until (ms, 0 for none).

-- Returns until when `key` waits (ms), or 0. A limit of 0 turns waits off.
local function wait_until(key, limit, now)
  if limit == 0 then return 0 end
  local till = tonumber(redis.call('HGET', key, 'wait_until') or 0)
  return till > now and till or 0
end

-- Keeps `key` for at least `ms` from now; never shortens what it has.
local function keep(key, ms)
  if redis.call('PTTL', key) < ms then redis.call('PEXPIRE', key, ms) end
end

-- Counts one more wrong code on `key`; from the limit on, waits grow along `waits`.
local function count_failure(key, limit, now, memory, waits)
  local was = redis.call('HMGET', key, 'failures', 'failed_at')
  local count = tonumber(was[1] or 0)
  if tonumber(was[2] or 0) + memory <= now then count = 0 end
  count = count + 1
  local till = 0
  if limit > 0 and count >= limit then till = now + waits[math.min(count - limit + 1, #waits)] end
  redis.call('HSET', key, 'failures', count, 'failed_at', now, 'wait_until', till)
  keep(key, memory)
end
