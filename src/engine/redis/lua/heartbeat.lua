#!lua flags=allow-oom
-- Adds a node to the list of live nodes, or prolongs it there, and drops the nodes that have died.
--
-- KEYS[1] node::live  zset     node -> ms of its expiry
-- ARGV[1] node        string
-- ARGV[2] ttl         ms
--
-- returns how many nodes live

local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now_ms))
redis.call('ZADD', KEYS[1], string.format('%.0f', now_ms + tonumber(ARGV[2])), ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
