#!lua flags=allow-oom
-- Takes users who are due to be announced, and keeps them from other nodes until the lease is over.
--
-- KEYS[1] away:{tag}  zset  CODE -> when to take it, ms
-- ARGV[1] lease       ms
-- ARGV[2] max         integer  users
--
-- returns {when the lease ends, ms (the ticket), ms until the next is due (-1: none), CODE …}
-- include time.lua

local now_ms = math.floor(now_us() / 1000)
local ticket = whole(now_ms + tonumber(ARGV[1]))
local codes = redis.call('ZRANGE', KEYS[1], '-inf', whole(now_ms), 'BYSCORE', 'LIMIT', 0, ARGV[2])
for _, code in ipairs(codes) do redis.call('ZADD', KEYS[1], ticket, code) end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return { ticket, first[2] and math.max(0, tonumber(first[2]) - now_ms) or -1, unpack(codes) }
