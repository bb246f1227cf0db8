-- Removes an attempt from its address's count.
-- KEYS: 1 attempts of the address
-- Arguments: id
-- Returns 1 if the attempt was counted, else 0. A repeated refund changes nothing.
return redis.call('ZREM', KEYS[1], args.id)
