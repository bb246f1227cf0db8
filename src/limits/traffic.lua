-- Stands before the scripts that read or count traffic.
-- The codes of all users are one more hash: wc:N wrong codes in the N-th five minutes since 1970, rc:N right ones.
-- The traffic of a region or a prefix is one hash of counts: uf:N unverified sends in the N-th five minutes since 1970,
-- uh:N unverified in the N-th hour, vf:N verified in the N-th five minutes, vh:N verified in the N-th hour, vd:N verified in
-- the N-th day.
-- `args.spans` has the lengths of the buckets (ms): five_minutes, hour, day; how many buckets each sum covers:
-- fives_summed, hours_summed, days_compared; and memory, how long traffic is kept (ms).
local spans = args.spans

-- Returns the oldest bucket of each kind that a sum at `now` covers.
local function oldest_at(now)
  local five = math.floor(now / spans.five_minutes) - (spans.fives_summed - 1)
  return {
    uf = five, vf = five, wc = five, rc = five,
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
  local t = {uf = 0, vf = 0, wc = 0, rc = 0, uh = 0, vh = 0, vd = 0}
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

-- Takes one out of a bucket.
local function remove(key, kind, bucket)
  local field = kind .. ':' .. math.floor(bucket)
  if tonumber(redis.call('HGET', key, field) or 0) > 0 then redis.call('HINCRBY', key, field, -1) end
end

-- Takes an unverified send that was counted at `sent` out again.
local function remove_unverified(key, sent)
  remove(key, 'uf', sent / spans.five_minutes)
  remove(key, 'uh', sent / spans.hour)
end

-- Takes an attempt out of its address's count, and its code out of the wrong ones. Returns whether it was counted.
local function remove_attempt(attempts, codes, id)
  local tried = redis.call('ZSCORE', attempts, id)
  if not tried then return false end
  redis.call('ZREM', attempts, id)
  remove(codes, 'wc', tonumber(tried) / spans.five_minutes)
  return true
end

