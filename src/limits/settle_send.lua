-- Replaces the reserved price of a send by the actual one, in the day's spend.
-- KEYS: 1 total, 2 this send
-- Arguments: price (millionths)
-- Returns 1 if the send was counted in the spend of the current day, else 0.
-- Closes the race with a refund: a refunded send has no price any more.
local send = redis.call('HMGET', KEYS[2], 'spend_day', 'price')
if not send[1] then return 0 end
redis.call('HSET', KEYS[2], 'price', args.price)
return add_spend(KEYS[1], send[1], args.price - tonumber(send[2]))
