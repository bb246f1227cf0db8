-- Takes a send out of the total and the guard's traffic, and out of the address's count where it is given back whole.
-- KEYS: 1 sends of the address, 2 total, 3 this send, 4 traffic of the region, 5 traffic of the prefix
-- ARGV: 1 send's id, 2 '1' to give it back whole
-- Returns 1 where the send was counted, else 0.
-- Closes the race with a second return: a send is given back once.
if ARGV[2] == '1' then redis.call('ZREM', KEYS[1], ARGV[1]) end
local send = redis.call('HMGET', KEYS[3], 'at', 'day', 'traffic')
if not send[1] then return 0 end
redis.call('DEL', KEYS[3])
if send[2] then
  local was = redis.call('HMGET', KEYS[2], 'day', 'sends')
  if was[1] == send[2] and tonumber(was[2]) > 0 then redis.call('HINCRBY', KEYS[2], 'sends', -1) end
end
if send[3] then
  take_back(KEYS[4], tonumber(send[1]))
  take_back(KEYS[5], tonumber(send[1]))
end
return 1
