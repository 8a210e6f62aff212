#!lua flags=allow-oom
-- Counts an account among those that never expire, once, or notes when it will.
--
-- KEYS[1] {user:next-id}:unclaimed  zset    code -> when the account expires, ms
-- KEYS[2] {user:next-id}:claimed    string  how many accounts never expire
-- ARGV[1] code                      of the account
-- ARGV[2] expires                   ms from now; '' never
--
-- returns 'counted'

if ARGV[2] ~= '' then
  local time = redis.call('TIME')
  local at_ms = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[2])
  redis.call('ZADD', KEYS[1], string.format('%.0f', at_ms), ARGV[1])
elseif redis.call('ZREM', KEYS[1], ARGV[1]) == 1 then
  redis.call('INCR', KEYS[2])
end
return 'counted'
