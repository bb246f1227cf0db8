-- Reads the sent messages and the used codes of each minute and route, and forgets old minutes.
-- KEYS: 1 the counts
-- Arguments: oldest (the first minute that is kept)
-- Returns an array of fields ('minute route sent' or 'minute route used') and values.
local kept = {}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if tonumber(string.match(all[i], '^%S+')) < args.oldest then
    redis.call('HDEL', KEYS[1], all[i])
  else
    kept[#kept + 1] = all[i]
    kept[#kept + 1] = all[i + 1]
  end
end
return kept
