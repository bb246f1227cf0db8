-- Counts a send as verified: the address that asked has it back, and the traffic is the better for it; and gives the
-- address that showed the code its attempt back.
-- KEYS: 1 this send, 2 traffic of the region, 3 traffic of the prefix, 4 attempts of the address that showed it
-- ARGV: 1 send's id, 2 now (ms), 3 what stands before an address in the key of its sends, 4 attempt's id
-- Returns 1 where the send was known, else 0.
-- Closes the race with a second use: a send is verified once. The address that asked is known to the send alone; the
-- key of its sends is in the same slot as these.
redis.call('ZREM', KEYS[4], ARGV[4])
local send = redis.call('HMGET', KEYS[1], 'address', 'at', 'traffic')
if not send[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('ZREM', ARGV[3] .. send[1], ARGV[1])
if not send[3] then return 1 end
local now, sent = tonumber(ARGV[2]), tonumber(send[2])
for i = 2, 3 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    take_back(KEYS[i], sent)
    add(KEYS[i], 'vh', now / HOUR)
    add(KEYS[i], 'vd', now / DAY)
    redis.call('PEXPIRE', KEYS[i], (DAYS + 1) * DAY)
  end
end
return 1
