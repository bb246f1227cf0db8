-- Stands before every script that admits something. The last argument is the script's deadline in this server's own
-- time (ms); it is removed here, so each script sees only its own arguments.
-- Closes the race with a caller that gave up: a script that was stuck in a socket or behind a stopped server runs late,
-- and must not take a place or a code that nobody is waiting for.
local time = redis.call('TIME')
local server_now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if server_now > tonumber(table.remove(ARGV)) then return redis.error_reply('LATE the script is past its deadline') end

