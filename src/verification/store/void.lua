-- Ends an issued challenge; with a refund, gives its cooldown and its place in the day's count back.
-- KEYS: 1 phone, 2 challenge
-- ARGV: 1 '1' to refund, else '0'
-- Returns 1 where the challenge was issued, else 0.
-- Closes the race of a second void: a send is given back once.
local c = redis.call('HMGET', KEYS[2], 'state', 'issued_at', 'day')
if c[1] ~= 'issued' then return 0 end
redis.call('HSET', KEYS[2], 'state', 'void')
if ARGV[1] == '1' then
  local p = redis.call('HMGET', KEYS[1], 'last_send', 'day', 'sends')
  if p[1] == c[2] then redis.call('HDEL', KEYS[1], 'last_send') end
  if p[2] == c[3] and tonumber(p[3]) > 0 then redis.call('HINCRBY', KEYS[1], 'sends', -1) end
end
return 1
