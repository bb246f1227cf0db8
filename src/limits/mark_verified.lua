-- Records that a code was used: refunds the send to the networks that requested it, moves the send from unverified to
-- verified traffic, exempts its region from the regions of the address, refunds the attempt to the address that submitted
-- the code, and counts the code as right.
-- KEYS: 1 this send, 2 traffic of the region, 3 traffic of the prefix, 4 attempts of the address that submitted the code,
--       5 codes of all users
-- Arguments: now (ms), send (id), attempt (id), region, spans, and keys of a network without its tag: sends_of, regions_of,
--   used_regions_of
-- Returns 1 if the send was known, else 0.
-- Closes the race with a second use: a send becomes verified once. Only the send knows the networks that requested it,
-- so the script builds their keys itself; they are in the same slot as the others.
if remove_attempt(KEYS[4], KEYS[5], args.attempt) then
  add(KEYS[5], 'rc', args.now / spans.five_minutes)
  redis.call('PEXPIRE', KEYS[5], spans.memory)
end
local send = redis.call('HMGET', KEYS[1], 'networks', 'at', 'traffic')
if not send[1] then return 0 end
redis.call('DEL', KEYS[1])
for tag in send[1]:gmatch('%S+') do redis.call('ZREM', args.sends_of .. tag, args.send) end
if not send[3] then return 1 end

local address = send[1]:match('%S+')
redis.call('ZREM', args.regions_of .. address, args.region)
redis.call('ZADD', args.used_regions_of .. address, args.now, args.region)
redis.call('PEXPIRE', args.used_regions_of .. address, spans.day)

for i = 2, 3 do
  if redis.call('EXISTS', KEYS[i]) == 1 then
    remove_unverified(KEYS[i], tonumber(send[2]))
    add(KEYS[i], 'vf', args.now / spans.five_minutes)
    add(KEYS[i], 'vh', args.now / spans.hour)
    add(KEYS[i], 'vd', args.now / spans.day)
    redis.call('PEXPIRE', KEYS[i], spans.memory)
  end
end
return 1
