#!lua flags=allow-oom
-- Goes the way of a wake-up: a script that publishes on a sharded channel. Also returns the time.
--
-- KEYS[1] probe:{n}:<node>  sharded channel
-- ARGV[1] nonce             string
--
-- returns us, Redis time

redis.call('SPUBLISH', KEYS[1], ARGV[1])
local time = redis.call('TIME')
return time[1] * 1000000 + time[2]
