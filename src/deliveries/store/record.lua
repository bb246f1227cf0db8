-- Records events and receipts, in one step. `memory/state.rs` has the same rules in memory.
-- KEYS: 1 the channel on which changes are announced. The names of all other keys begin with `prefix`, in the same slot.
-- Arguments: prefix, events (an array), challenge_memory (ms after the expiry of the code), early_memory, message_memory,
--   spend_memory (ms). An event has `kind` and, depending on it:
--   sent: challenge, parcel, cost (millionths), state, at, expires_at (ms), private; optional: message, serial, minute (since 1970)
--   imitated: challenge, state, at, expires_at
--   refunded: parcel;   unconfirmed: parcel, cost
--   used: challenge, at;   receipt: message, state, at
--   A parcel has day and name ('route region purpose').
-- Returns an array of JSON objects, one for each message that is counted for the first time: parcel, count, cost; optional:
--   serial, at.
-- Closes the races of receipts and records on several servers: each is applied once, and their order does not matter.
local counted = {}
local ranks = {queued = 1, accepted = 2, failed = 3, delivered = 4}

local function key(kind, of) return args.prefix .. kind .. ':' .. of end
local function word_of(state) return string.match(state, '^%a+') end
local function whole(number) return string.format('%.0f', number) end

-- Returns whether a state, reached at `at`, replaces another one: the higher rank, then the earlier, then the smaller name.
local function replaces(state, at, other, other_at)
  if not other then return true end
  other_at = tonumber(other_at)
  local rank, other_rank = ranks[word_of(state)], ranks[word_of(other)]
  if rank ~= other_rank then return rank > other_rank end
  if at ~= other_at then return at < other_at end
  return state < other
end

local function add(parcel, count, by)
  local spend = key('spend', whole(parcel.day))
  redis.call('HINCRBY', spend, parcel.name .. ' ' .. count, whole(by))
  redis.call('PEXPIRE', spend, args.spend_memory)
end

local function count(parcel, as, cost, serial, at)
  add(parcel, as, 1)
  if cost > 0 then add(parcel, 'price', cost) end
  counted[#counted + 1] = cjson.encode({parcel = parcel, count = as, cost = cost, serial = serial, at = at})
end

local function keep(name, ms)
  if redis.call('PTTL', name) < ms then redis.call('PEXPIRE', name, ms) end
end

local function announce(challenge) redis.call('PUBLISH', KEYS[1], challenge) end

-- Applies the receipt of a message to its counts and to what the client sees.
local function settle(message)
  local m = redis.call('HMGET', message, 'challenge', 'parcel', 'receipt', 'receipt_at', 'counted', 'private')
  if not (m[1] and m[3]) then return end
  local parcel, state, at = cjson.decode(m[2]), m[3], tonumber(m[4])

  local as = word_of(state)
  if ranks[as] >= ranks.failed and as ~= m[5] then
    if m[5] then add(parcel, m[5], -1) end
    count(parcel, as, 0)
    redis.call('HSET', message, 'counted', as)
  end

  if m[6] == '1' then return end
  local challenge = key('challenge', m[1])
  local visible = redis.call('HMGET', challenge, 'state', 'updated_at')
  if visible[1] and replaces(state, at, visible[1], visible[2]) then
    redis.call('HSET', challenge, 'state', state, 'updated_at', whole(at))
    announce(m[1])
  end
end

-- Counts a message or a used code of a route by the minute of the message.
local function count_minute(minute, parcel, as)
  local conversions = key('conversions', 'minutes')
  redis.call('HINCRBY', conversions, whole(minute) .. ' ' .. string.match(parcel.name, '^%S+') .. ' ' .. as, 1)
  keep(conversions, args.message_memory)
end

-- Counts the use of a code if its message is recorded as sent.
local function count_use(challenge)
  local c = redis.call('HMGET', challenge, 'used_at', 'parcel', 'serial', 'minute')
  if not (c[1] and c[2]) then return end
  local parcel = cjson.decode(c[2])
  count(parcel, 'used', 0, c[3] or nil, tonumber(c[1]))
  if c[4] then count_minute(c[4], parcel, 'used') end
end

local function show(event)
  local challenge = key('challenge', event.challenge)
  redis.call('HSET', challenge, 'state', event.state, 'updated_at', whole(event.at), 'expires_at', whole(event.expires_at))
  keep(challenge, event.expires_at - event.at + args.challenge_memory)
  announce(event.challenge)
end

local apply = {imitated = show}

function apply.sent(event)
  local challenge, parcel = key('challenge', event.challenge), cjson.encode(event.parcel)
  if redis.call('HSETNX', challenge, 'parcel', parcel) == 0 then return end
  if event.serial then redis.call('HSET', challenge, 'serial', event.serial) end
  show(event)
  count(event.parcel, 'accepted', event.cost)
  if event.minute then
    redis.call('HSET', challenge, 'minute', whole(event.minute))
    count_minute(event.minute, event.parcel, 'sent')
  end
  count_use(challenge)

  if event.message then
    local message = key('message', event.message)
    redis.call('HSET', message, 'challenge', event.challenge, 'parcel', parcel, 'private', event.private and '1' or '0')
    keep(message, args.message_memory)
    settle(message)
  end
end

function apply.refunded(event) count(event.parcel, 'refunded', 0) end
function apply.unconfirmed(event) count(event.parcel, 'unconfirmed', event.cost) end

function apply.used(event)
  local challenge = key('challenge', event.challenge)
  if redis.call('HSETNX', challenge, 'used_at', whole(event.at)) == 0 then return end
  keep(challenge, args.early_memory)
  count_use(challenge)
end

function apply.receipt(event)
  local message = key('message', event.message)
  local before = redis.call('HMGET', message, 'receipt', 'receipt_at')
  if not replaces(event.state, event.at, before[1], before[2]) then return end
  redis.call('HSET', message, 'receipt', event.state, 'receipt_at', whole(event.at))
  keep(message, args.early_memory)
  settle(message)
end

for _, event in ipairs(args.events) do apply[event.kind](event) end
return counted
