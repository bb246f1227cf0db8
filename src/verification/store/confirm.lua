-- Stores the answer to a request whose code was sent, so that its idempotency key repeats the answer.
-- KEYS: 1 idempotency key
-- Arguments: nonce, expires_at (ms), resend_at (ms), sends_remaining (optional)
-- Returns 1 if the key belongs to the challenge, else 0.
-- Closes the race with a request that took the key over after the send's lease: its reservation is left alone.
if redis.call('HGET', KEYS[1], 'nonce') ~= args.nonce then return 0 end
redis.call('HSET', KEYS[1], 'answer', cjson.encode({
  nonce = args.nonce, expires_at = args.expires_at, resend_at = args.resend_at, sends_remaining = args.sends_remaining,
}))
return 1
