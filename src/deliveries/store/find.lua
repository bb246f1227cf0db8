-- KEYS: 1 challenge
-- Returns its state, when it got this state, and when its code expires (ms); nil for what is not known.
return redis.call('HMGET', KEYS[1], 'state', 'updated_at', 'expires_at')
