-- Shared functions: this text is put before each script that reads or counts traffic.
-- The traffic of a region or a prefix is one hash of counts: uf:N unverified sends in the N-th five minutes since 1970,
-- uh:N unverified in the N-th hour, vh:N verified in the N-th hour, vd:N verified in the N-th day.
-- `args.spans` has the lengths of the buckets (ms): five_minutes, hour, day; how many buckets each sum covers:
-- fives_summed, hours_summed, days_compared; and memory, how long traffic is kept (ms).
local spans = args.spans

-- Returns the oldest bucket of each kind that a sum at `now` covers.
local function oldest_at(now)
  return {
    uf = math.floor(now / spans.five_minutes) - (spans.fives_summed - 1),
    uh = math.floor(now / spans.hour) - (spans.hours_summed - 1),
    vh = math.floor(now / spans.hour) - (spans.hours_summed - 1),
    vd = math.floor(now / spans.day) - spans.days_compared,
  }
end

-- Returns the sums of a hash at `now`. Deletes the buckets that are too old both for a sum at `now` and for a sum at
-- `server_now`, the time of this Redis. All servers share this history, so a server whose clock is ahead must not delete
-- buckets that the others still sum.
local function traffic(key, now, server_now)
  local oldest, kept = oldest_at(now), oldest_at(math.min(now, server_now))
  local t = {uf = 0, uh = 0, vh = 0, vd = 0}
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local kind, bucket = all[i]:sub(1, 2), tonumber(all[i]:sub(4))
    local count = tonumber(all[i + 1])
    if bucket < kept[kind] then redis.call('HDEL', key, all[i])
    elseif bucket < oldest[kind] then -- Not summed here, but kept for servers whose clocks are right.
    elseif kind == 'vd' then t.vd = math.max(t.vd, count)
    else t[kind] = t[kind] + count end
  end
  return t
end

-- Adds one to a bucket.
local function add(key, kind, bucket)
  redis.call('HINCRBY', key, kind .. ':' .. math.floor(bucket), 1)
end

-- Removes an unverified send that was counted at `sent`.
local function remove_unverified(key, sent)
  for kind, span in pairs({uf = spans.five_minutes, uh = spans.hour}) do
    local field = kind .. ':' .. math.floor(sent / span)
    if tonumber(redis.call('HGET', key, field) or 0) > 0 then redis.call('HINCRBY', key, field, -1) end
  end
end

