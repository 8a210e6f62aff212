#!lua
-- Reserves a place for a new account, and its number. No `allow-oom`: a full Redis keeps its memory for mail.
--
-- KEYS[1] user:next-id  string  the last number given
-- ARGV[1] code          of the account
-- ARGV[2] pending       ms, until the registration must be complete
-- ARGV[3] max users     integer
--
-- returns {number}, or without a place left {0, ms until the first account expires that is not claimed; -1 without one}
-- include counts.lua

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local eternal = tonumber(redis.call('GET', claimed) or 0)
redis.call('ZREMRANGEBYSCORE', unclaimed, '-inf', string.format('%.0f', now_ms))
local users = redis.call('ZCARD', unclaimed) + eternal
if users >= tonumber(ARGV[3]) then
  local first = redis.call('ZRANGE', unclaimed, 0, 0, 'WITHSCORES')
  return { 0, first[2] and tonumber(first[2]) - now_ms or -1 }
end
redis.call('ZADD', unclaimed, string.format('%.0f', now_ms + tonumber(ARGV[2])), ARGV[1])
return { redis.call('INCR', KEYS[1]) }
