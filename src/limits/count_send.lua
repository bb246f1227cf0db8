-- Checks the address's day and hour, the day's total and the guard, then counts as much of the send as `counting` says.
-- KEYS: 1 sends of the address, 2 regions of the address, 3 total, 4 this send, 5 traffic of the region,
--       6 traffic of the prefix
-- Arguments: now (ms), id, address, region, counting ('everything' | 'address_only' | 'nothing'), spans,
--   hourly, daily (sends of an address, 0 for no limit), total_daily (0 for no limit), day, send_memory (ms, how long the
--   send can become verified), suspect_passes (whether a suspect send is allowed), and guard, which is absent if the
--   guard does not count this send:
--   daily_ratio, hourly_ratio, daily_floor, hourly_floor, regions_per_address (0 for no limit), hours_of_a_day
-- Returns {'allowed', suspicion or ''} | {'IP_DAILY', until ms} | {'IP_HOURLY', until ms} | {'TOTAL_DAILY'} |
--   {'suspect', suspicion}
-- Race: simultaneous sends. Only one of them can be the last that a limit allows.
local now, guard = args.now, args.guard

local function full_until(span, limit)
  if limit == 0 then return nil end
  local window = '(' .. (now - span)
  local inside = redis.call('ZCOUNT', KEYS[1], window, '+inf')
  if inside < limit then return nil end
  local entry = redis.call('ZRANGEBYSCORE', KEYS[1], window, '+inf', 'WITHSCORES', 'LIMIT', inside - limit, 1)
  return tonumber(entry[2]) + span
end

-- The send may already have a place, from before its captcha was verified. Its own place must not count against it.
if not redis.call('ZSCORE', KEYS[1], args.id) then
  local till = full_until(spans.day, args.daily)
  if till then return {'IP_DAILY', till} end
  till = full_until(spans.hour, args.hourly)
  if till then return {'IP_HOURLY', till} end
end

-- A day never goes back: servers whose days begin at different times must not restart each other's count.
local counted, day, total = redis.call('HMGET', KEYS[3], 'day', 'sends'), args.day, 0
if counted[1] and tonumber(counted[1]) >= day then
  day = tonumber(counted[1])
  total = tonumber(counted[2])
end
if args.total_daily > 0 and total >= args.total_daily then return {'TOTAL_DAILY'} end

local suspicion = ''
if guard then
  local function is_spent(key)
    local t = traffic(key, now, server_now)
    local verified = math.max(t.vh, t.vd)
    return t.uh >= math.max(guard.daily_floor, guard.daily_ratio * verified)
      or t.uf >= math.max(guard.hourly_floor, guard.hourly_ratio * verified / guard.hours_of_a_day)
  end
  local regions = guard.regions_per_address
  if regions > 0 then redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - spans.day) end
  if is_spent(KEYS[5]) then suspicion = 'region'
  elseif is_spent(KEYS[6]) then suspicion = 'prefix'
  elseif regions > 0 and not redis.call('ZSCORE', KEYS[2], args.region) and redis.call('ZCARD', KEYS[2]) >= regions then
    suspicion = 'many_regions'
  end
  if suspicion ~= '' and not args.suspect_passes then return {'suspect', suspicion} end
end
if args.counting == 'nothing' then return {'allowed', suspicion} end

if args.hourly > 0 or args.daily > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - spans.day)
  redis.call('ZADD', KEYS[1], now, args.id)
  redis.call('PEXPIRE', KEYS[1], spans.day)
end
if args.counting == 'address_only' then return {'allowed', suspicion} end

-- The send records which counts include it, so that a refund changes only those.
redis.call('HSET', KEYS[4], 'address', args.address, 'at', now)
if args.total_daily > 0 then
  redis.call('HSET', KEYS[3], 'day', day, 'sends', total + 1)
  redis.call('PEXPIRE', KEYS[3], 2 * spans.day)
  redis.call('HSET', KEYS[4], 'day', day)
end
if guard then
  if guard.regions_per_address > 0 then
    redis.call('ZADD', KEYS[2], now, args.region)
    redis.call('PEXPIRE', KEYS[2], spans.day)
  end
  for i = 5, 6 do
    add(KEYS[i], 'uf', now / spans.five_minutes)
    add(KEYS[i], 'uh', now / spans.hour)
    redis.call('PEXPIRE', KEYS[i], spans.memory)
  end
  redis.call('HSET', KEYS[4], 'traffic', 1)
end
redis.call('PEXPIRE', KEYS[4], args.send_memory)
return {'allowed', suspicion}
