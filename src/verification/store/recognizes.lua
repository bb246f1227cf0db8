-- KEYS: 1 when the phone's devices were revoked
-- Arguments: device_issued_at (ms)
-- Returns 1 if the device is recognized, else 0.
return is_recognized(KEYS[1], args.device_issued_at) and 1 or 0
