-- Stands before the scripts that change the day's spend.

-- Adds to the spend of a day, if it is still the current day.
local function add_spend(total, day, by)
  local counted = redis.call('HMGET', total, 'day', 'spend')
  if counted[1] ~= day then return 0 end
  redis.call('HSET', total, 'spend', math.max(0, tonumber(counted[2] or 0) + by))
  return 1
end

