-- Stands before every script that grants something. `args.deadline` is the script's deadline in Redis's own time (ms).
-- Prevents a late grant: a script that was stuck in a socket, or behind a stopped Redis, must not take a place or a code
-- for a caller that has given up.
local time = redis.call('TIME')
local server_now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if server_now > args.deadline then return redis.error_reply('LATE the script is past its deadline') end

