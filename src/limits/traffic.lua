-- Shared by the scripts that look at or count traffic; it stands before each of them.
-- The traffic of a region or a prefix is one hash of counts: uf:N unverified in the N-th five minutes since 1970,
-- uh:N unverified in the N-th hour, vh:N verified in it, vd:N verified in the N-th day.

local FIVE_MINUTES, HOUR, DAY, DAYS = 300000, 3600000, 86400000, 14

-- Returns the oldest bucket of each kind that a sum at `now` looks at.
local function oldest_at(now)
  return {
    uf = math.floor(now / FIVE_MINUTES) - 11, uh = math.floor(now / HOUR) - 23,
    vh = math.floor(now / HOUR) - 23, vd = math.floor(now / DAY) - DAYS,
  }
end

-- Reads the sums of a hash at `now`, and drops what no sum looks at any more, neither at `now` nor at `server_now`, the
-- time of this Redis: the history that all servers share must not depend on the clock of the one that is furthest ahead.
local function traffic(key, now, server_now)
  local oldest, kept = oldest_at(now), oldest_at(math.min(now, server_now))
  local t = {uf = 0, uh = 0, vh = 0, vd = 0}
  local all = redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local kind, bucket = all[i]:sub(1, 2), tonumber(all[i]:sub(4))
    local count = tonumber(all[i + 1])
    if bucket < kept[kind] then redis.call('HDEL', key, all[i])
    elseif bucket < oldest[kind] then -- It is kept for the servers whose clocks are right.
    elseif kind == 'vd' then t.vd = math.max(t.vd, count)
    else t[kind] = t[kind] + count end
  end
  return t
end

-- Counts one more in a bucket.
local function add(key, kind, bucket)
  redis.call('HINCRBY', key, kind .. ':' .. math.floor(bucket), 1)
end

-- Takes an unverified send of `sent` out again.
local function take_back(key, sent)
  for kind, span in pairs({uf = FIVE_MINUTES, uh = HOUR}) do
    local field = kind .. ':' .. math.floor(sent / span)
    if tonumber(redis.call('HGET', key, field) or 0) > 0 then redis.call('HINCRBY', key, field, -1) end
  end
end
