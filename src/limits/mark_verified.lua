-- Records that a code was used: refunds the send to the address that requested it, moves the send from unverified to
-- verified traffic, and refunds the attempt to the address that submitted the code.
-- KEYS: 1 this send, 2 traffic of the region, 3 traffic of the prefix, 4 attempts of the address that submitted the code
-- Arguments: now (ms), send (id), attempt (id), sends_of (the key of an address's sends without the address), spans
-- Returns 1 if the send was known, else 0.
-- Race: two calls for one send. The send becomes verified once.
-- Only the stored send contains the address that requested it, so the script builds that address's key itself. That key
-- is in the same slot of a cluster as the others.
redis.call('ZREM', KEYS[4], args.attempt)
local send = redis.call('HMGET', KEYS[1], 'address', 'at', 'traffic')
if not send[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', args.sends_of .. send[1], args.send)
if not send[3] then return 1 end

for i = 2, 3 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    remove_unverified(KEYS[i], tonumber(send[2]))
    add(KEYS[i], 'vh', args.now / spans.hour)
    add(KEYS[i], 'vd', args.now / spans.day)
    redis.call('PEXPIRE', KEYS[i], spans.memory)
  end
end
return 1
