-- Numbers, ids and time, for every script that touches a mailbox.

local function us_of(id)
  return tonumber(string.match(id, '^(%d+)%-'))
end

-- Lua's tostring rounds to 14 digits; microseconds have 16. As an integer: `%.0f` costs twice as much.
local function whole(number)
  return string.format('%d', number)
end

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end
