-- Stands before every script. The arguments are one JSON object, so that each has a name. An optional one that is absent
-- is nil.
local args = cjson.decode(ARGV[1])
