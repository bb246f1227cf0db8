-- Voids an issued challenge. If `refund` is true, also refunds its cooldown and its place in the day's count.
-- KEYS: 1 phone, 2 challenge
-- Arguments: refund
-- Returns 1 if the challenge was issued, else 0.
-- Race: two calls for one challenge. The send is refunded once.
local c = redis.call('HMGET', KEYS[2], 'state', 'issued_at', 'day')
if c[1] ~= 'issued' then return 0 end
redis.call('HSET', KEYS[2], 'state', 'void')
if args.refund then
  local phone = redis.call('HMGET', KEYS[1], 'last_send', 'day', 'sends')
  if phone[1] == c[2] then redis.call('HDEL', KEYS[1], 'last_send') end
  if phone[2] == c[3] and tonumber(phone[3]) > 0 then redis.call('HINCRBY', KEYS[1], 'sends', -1) end
end
return 1
