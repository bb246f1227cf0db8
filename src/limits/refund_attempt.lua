-- Takes an attempt out of its address's count. If it was the first with its code, the next one is the first again.
-- KEYS: 1 attempts of the address, 2 the send whose code was tried, 3 codes of all users
-- Arguments: id, spans
-- Returns 1 if the attempt was counted, else 0, so a repeated refund changes nothing.
if redis.call('HGET', KEYS[2], 'first_attempt') == args.id then redis.call('HDEL', KEYS[2], 'first_attempt') end
return remove_attempt(KEYS[1], KEYS[3], args.id) and 1 or 0
