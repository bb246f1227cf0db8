-- Removes a send from the day's total and the guard's traffic, and from the address's count if `everything` is true.
-- KEYS: 1 sends of the address, 2 total, 3 this send, 4 traffic of the region, 5 traffic of the prefix
-- Arguments: id, everything, spans
-- Returns 1 if the send was counted, else 0.
-- Race: two refunds of one send. The send is refunded once.
if args.everything then redis.call('ZREM', KEYS[1], args.id) end
local send = redis.call('HMGET', KEYS[3], 'at', 'day', 'traffic')
if not send[1] then return 0 end
redis.call('DEL', KEYS[3])

if send[2] then
  local total = redis.call('HMGET', KEYS[2], 'day', 'sends')
  if total[1] == send[2] and tonumber(total[2]) > 0 then redis.call('HINCRBY', KEYS[2], 'sends', -1) end
end
if send[3] then
  remove_unverified(KEYS[4], tonumber(send[1]))
  remove_unverified(KEYS[5], tonumber(send[1]))
end
return 1
