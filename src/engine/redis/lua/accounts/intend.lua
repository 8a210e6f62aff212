#!lua flags=allow-oom
-- Notes that an account is about to be deleted, so that the count of accounts is put right whatever dies in between.
--
-- KEYS[1] user:next-id  string  the last number given
-- ARGV[1] code
--
-- returns 'noted'
-- include counts.lua

local time = redis.call('TIME')
redis.call('ZADD', leaving, string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)), ARGV[1])
return 'noted'
