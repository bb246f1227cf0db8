-- Checks the captcha, the day's total, the day and the hour of the address's networks, and the guard, then counts as much
-- of the send as `counting` says.
-- KEYS: 1 regions of the address, 2 total, 3 this send, 4 traffic of the region, 5 traffic of the prefix,
--       6 regions in which the address has used a code, 7 codes of all users,
--       8 and on: sends of each network, the narrowest first; then, if `needs_captcha`, when the captcha was used
-- Arguments: now (ms), id, region, counting ('everything' | 'address_only' | 'nothing'), spans,
--   networks: for each its tag, hourly, daily (sends, 0 for no limit);
--   total_daily (0 for no limit), spend_daily, price (millionths, 0 for no limit), day, send_memory (ms, how long the send can become verified), suspect_passes,
--   needs_captcha, captcha_memory (ms);
--   guard, which is absent if the guard does not count this send: daily_ratio, hourly_ratio, daily_floor, hourly_floor,
--   regions_per_address (0 for no limit), hours_of_a_day;
--   spraying, which is absent if wrong codes do not matter: min_attempts, ratio
-- Returns {'allowed', suspicion or ''} | {'IP_DAILY', until ms} | {'IP_HOURLY', until ms} | {'TOTAL_DAILY'} |
--   {'SPEND_DAILY'} | {'suspect', suspicion} | {'captcha_used'}
-- Closes the race of simultaneous sends: only one of them is the last that a limit allows, and one gets the captcha.
local now, guard = args.now, args.guard

local function sends_of(network) return KEYS[7 + network] end

local function full_until(key, span, limit)
  if limit == 0 then return nil end
  local window = '(' .. (now - span)
  local inside = redis.call('ZCOUNT', key, window, '+inf')
  if inside < limit then return nil end
  local entry = redis.call('ZRANGEBYSCORE', key, window, '+inf', 'WITHSCORES', 'LIMIT', inside - limit, 1)
  return tonumber(entry[2]) + span
end

local captcha = args.needs_captcha and KEYS[#KEYS]
if captcha then
  local used = redis.call('GET', captcha)
  if used and now - tonumber(used) < args.captcha_memory then return {'captcha_used'} end
end

-- A day never goes back: servers whose days begin at different times must not restart each other's count.
local counted, day, total, spend = redis.call('HMGET', KEYS[2], 'day', 'sends', 'spend'), args.day, 0, 0
if counted[1] and tonumber(counted[1]) >= day then
  day = tonumber(counted[1])
  total, spend = tonumber(counted[2] or 0), tonumber(counted[3] or 0)
end
if args.total_daily > 0 and total >= args.total_daily then return {'TOTAL_DAILY'} end
if args.spend_daily > 0 and spend + args.price > args.spend_daily then return {'SPEND_DAILY'} end

-- A place that this send got before its captcha was verified must not count against it.
if not redis.call('ZSCORE', sends_of(1), args.id) then
  for i, network in ipairs(args.networks) do
    local till = full_until(sends_of(i), spans.day, network.daily)
    if till then return {'IP_DAILY', till} end
    till = full_until(sends_of(i), spans.hour, network.hourly)
    if till then return {'IP_HOURLY', till} end
  end
end

local suspicion = ''
local used_at = guard and redis.call('ZSCORE', KEYS[6], args.region)
local is_exempt = used_at and now - tonumber(used_at) < spans.day
if guard then
  local function is_spent(key)
    local t = traffic(key, now, server_now)
    local verified = math.max(t.vh, t.vd)
    return t.uh >= math.max(guard.daily_floor, guard.daily_ratio * verified)
      or t.uf >= math.max(guard.hourly_floor + guard.hourly_ratio * t.vf, guard.hourly_ratio * verified / guard.hours_of_a_day)
  end
  local regions = guard.regions_per_address
  if regions > 0 then redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - spans.day) end
  if is_spent(KEYS[4]) then suspicion = 'region'
  elseif is_spent(KEYS[5]) then suspicion = 'prefix'
  elseif regions > 0 and not is_exempt and not redis.call('ZSCORE', KEYS[1], args.region) and redis.call('ZCARD', KEYS[1]) >= regions then
    suspicion = 'many_regions'
  end
end
if suspicion == '' and args.spraying then
  local codes = traffic(KEYS[7], now, server_now)
  local attempts = codes.wc + codes.rc
  if attempts >= args.spraying.min_attempts and codes.wc > args.spraying.ratio * attempts then
    suspicion = 'wrong_codes'
  end
end
if suspicion ~= '' and not args.suspect_passes then return {'suspect', suspicion} end
if args.counting == 'nothing' then return {'allowed', suspicion} end

local tags = {}
for i, network in ipairs(args.networks) do
  if network.hourly > 0 or network.daily > 0 then
    redis.call('ZREMRANGEBYSCORE', sends_of(i), '-inf', now - spans.day)
    redis.call('ZADD', sends_of(i), now, args.id)
    redis.call('PEXPIRE', sends_of(i), spans.day)
  end
  tags[i] = network.tag
end
if args.counting == 'address_only' then return {'allowed', suspicion} end

if captcha then redis.call('SET', captcha, now, 'PX', args.captcha_memory) end

-- The send records which counts include it, so that a refund changes only those.
redis.call('HSET', KEYS[3], 'networks', table.concat(tags, ' '), 'at', now)
if args.total_daily > 0 then
  total = total + 1
  redis.call('HSET', KEYS[3], 'day', day)
end
if args.spend_daily > 0 then
  spend = spend + args.price
  redis.call('HSET', KEYS[3], 'spend_day', day, 'price', args.price)
end
if args.total_daily > 0 or args.spend_daily > 0 then
  redis.call('HSET', KEYS[2], 'day', day, 'sends', total, 'spend', spend)
  redis.call('PEXPIRE', KEYS[2], 2 * spans.day)
end
if guard then
  if guard.regions_per_address > 0 and not is_exempt then
    redis.call('ZADD', KEYS[1], now, args.region)
    redis.call('PEXPIRE', KEYS[1], spans.day)
  end
  for i = 4, 5 do
    add(KEYS[i], 'uf', now / spans.five_minutes)
    add(KEYS[i], 'uh', now / spans.hour)
    redis.call('PEXPIRE', KEYS[i], spans.memory)
  end
  redis.call('HSET', KEYS[3], 'traffic', 1)
end
redis.call('PEXPIRE', KEYS[3], args.send_memory)
return {'allowed', suspicion}
