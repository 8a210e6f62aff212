#!lua
-- Reserves a place for a new account, and its number. No `allow-oom`: a full Redis keeps its memory for mail.
--
-- KEYS[1] user:next-id              string  the last number given
-- KEYS[2] {user:next-id}:unclaimed  zset    code -> when the account expires, ms
-- KEYS[3] {user:next-id}:claimed    string  how many accounts never expire
-- ARGV[1] code                      of the account
-- ARGV[2] pending                   ms, until the registration must be complete
-- ARGV[3] max users                 integer
--
-- returns the number; 0 if there is no place left

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now_ms))
local users = redis.call('ZCARD', KEYS[2]) + tonumber(redis.call('GET', KEYS[3]) or 0)
if users >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[2], string.format('%.0f', now_ms + tonumber(ARGV[2])), ARGV[1])
return redis.call('INCR', KEYS[1])
