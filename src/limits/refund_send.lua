-- Takes a send out of the day's total and spend and the guard's traffic, and out of its networks' counts if `everything` is true.
-- KEYS: 1 total, 2 this send, 3 traffic of the region, 4 traffic of the prefix, 5 and on: sends of each network
-- Arguments: id, everything, spans
-- Returns 1 if the send was counted, else 0.
-- Closes the race with a second refund: a send is refunded once.
if args.everything then
  for i = 5, #KEYS do redis.call('ZREM', KEYS[i], args.id) end
end
local send = redis.call('HMGET', KEYS[2], 'at', 'day', 'traffic', 'spend_day', 'price')
if not send[1] then return 0 end
redis.call('DEL', KEYS[2])

if send[2] then
  local total = redis.call('HMGET', KEYS[1], 'day', 'sends')
  if total[1] == send[2] and tonumber(total[2]) > 0 then redis.call('HINCRBY', KEYS[1], 'sends', -1) end
end
if send[4] then add_spend(KEYS[1], send[4], -tonumber(send[5])) end
if send[3] then
  remove_unverified(KEYS[3], tonumber(send[1]))
  remove_unverified(KEYS[4], tonumber(send[1]))
end
return 1
