-- Reads the counts of several days.
-- KEYS: 1 and on: the counts of each day
-- Returns for each key an array of fields and values.
local days = {}
for i, key in ipairs(KEYS) do days[i] = redis.call('HGETALL', key) end
return days
