#!lua flags=allow-oom
-- Counts an account among those that never expire, once, or notes when it will.
--
-- KEYS[1] user:next-id  string  the last number given
-- ARGV[1] code          of the account
-- ARGV[2] expires       ms from now; '' never
--
-- returns 'counted'
-- include counts.lua

-- Before the first write: see keys.lua.
redis.call('EXISTS', claimed)
if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  local at_ms = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[2])
  redis.call('ZADD', unclaimed, string.format('%.0f', at_ms), ARGV[1])
elseif redis.call('ZREM', unclaimed, ARGV[1]) == 1 then
  redis.call('INCR', claimed)
end
return 'counted'
