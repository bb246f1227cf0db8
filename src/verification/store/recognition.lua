-- Stands before the scripts that recognize devices.
-- `revoked` is the key of the time (ms) at which the phone's devices were last revoked. `issued_at` (ms) is when the
-- device's token was issued, nil if the request has no device.
local function is_recognized(revoked, issued_at)
  if not issued_at then return false end
  local revoked_at = redis.call('GET', revoked)
  return not revoked_at or issued_at > tonumber(revoked_at)
end

