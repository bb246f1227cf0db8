-- Checks the address's day and hour, the day's total and the guard, then counts as much of the send as is asked.
-- KEYS: 1 sends of the address, 2 regions of the address, 3 total, 4 this send, 5 traffic of the region,
--       6 traffic of the prefix
-- ARGV: 1 now (ms), 2 send's id, 3 address, 4 region, 5 sends of an address an hour (0: any), 6 a day, 7 total a day,
--       8 day, 9 how long the send can turn verified (ms), 10 '1' where a suspect send passes, 11 '1' where the guard
--       counts, 12 daily ratio, 13 hourly ratio, 14 daily floor, 15 hourly floor, 16 regions of an address (0: any),
--       17 hours that make a day, 18 'everything', 'place' to count for the address alone, 'nothing' to count nowhere
-- Returns {'taken', suspicion or ''} | {'IP_DAILY', until ms} | {'IP_HOURLY', until ms} | {'TOTAL_DAILY'} |
--         {'suspect', suspicion}
-- Closes the race of simultaneous sends: no two of them are both the last that a limit allows.
local now, region = tonumber(ARGV[1]), ARGV[4]
local function full_until(span, limit)
  if limit == 0 then return nil end
  local inside = redis.call('ZCOUNT', KEYS[1], '(' .. (now - span), '+inf')
  if inside < limit then return nil end
  local entry = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. (now - span), '+inf', 'WITHSCORES', 'LIMIT', inside - limit, 1)
  return tonumber(entry[2]) + span
end
local hourly, daily, total_limit = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
-- A place that this send took before its captcha was verified is its own: it is not held against it.
if not redis.call('ZSCORE', KEYS[1], ARGV[2]) then
  local till = full_until(DAY, daily)
  if till then return {'IP_DAILY', till} end
  till = full_until(HOUR, hourly)
  if till then return {'IP_HOURLY', till} end
end

-- A day never goes back, as in issue.lua.
local was, day, total = redis.call('HMGET', KEYS[3], 'day', 'sends'), tonumber(ARGV[8]), 0
if was[1] and tonumber(was[1]) >= day then
  day = tonumber(was[1])
  total = tonumber(was[2])
end
if total_limit > 0 and total >= total_limit then return {'TOTAL_DAILY'} end

local suspicion = ''
if ARGV[11] == '1' then
  local function spent(key)
    local t = traffic(key, now, server_now)
    local verified = math.max(t.vh, t.vd)
    return t.uh >= math.max(tonumber(ARGV[14]), tonumber(ARGV[12]) * verified)
      or t.uf >= math.max(tonumber(ARGV[15]), tonumber(ARGV[13]) * verified / tonumber(ARGV[17]))
  end
  local regions = tonumber(ARGV[16])
  if regions > 0 then redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - DAY) end
  if spent(KEYS[5]) then suspicion = 'region'
  elseif spent(KEYS[6]) then suspicion = 'prefix'
  elseif regions > 0 and not redis.call('ZSCORE', KEYS[2], region) and redis.call('ZCARD', KEYS[2]) >= regions then
    suspicion = 'many_regions'
  end
  if suspicion ~= '' and ARGV[10] ~= '1' then return {'suspect', suspicion} end
end
if ARGV[18] == 'nothing' then return {'taken', suspicion} end

if hourly > 0 or daily > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - DAY)
  redis.call('ZADD', KEYS[1], now, ARGV[2])
  redis.call('PEXPIRE', KEYS[1], DAY)
end
if ARGV[18] == 'place' then return {'taken', suspicion} end

-- The send remembers where it was counted, so that it is taken out of nothing else.
redis.call('HSET', KEYS[4], 'address', ARGV[3], 'at', now)
if total_limit > 0 then
  redis.call('HSET', KEYS[3], 'day', day, 'sends', total + 1)
  redis.call('PEXPIRE', KEYS[3], 2 * DAY)
  redis.call('HSET', KEYS[4], 'day', day)
end
if ARGV[11] == '1' then
  if tonumber(ARGV[16]) > 0 then
    redis.call('ZADD', KEYS[2], now, region)
    redis.call('PEXPIRE', KEYS[2], DAY)
  end
  for i = 5, 6 do
    add(KEYS[i], 'uf', now / FIVE_MINUTES)
    add(KEYS[i], 'uh', now / HOUR)
    redis.call('PEXPIRE', KEYS[i], (DAYS + 1) * DAY)
  end
  redis.call('HSET', KEYS[4], 'traffic', 1)
end
redis.call('PEXPIRE', KEYS[4], ARGV[9])
return {'taken', suspicion}
