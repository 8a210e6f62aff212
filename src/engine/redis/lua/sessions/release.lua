#!lua flags=allow-oom
-- Gives a session up, if it is still valid. The epoch stays: the next claim must exceed it.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] away         the name of the zset of users to announce
-- ARGV[3] unconfirmed  `<id> <tries> <too big> <timeouts>`, '' to forget it, '-' to leave it as it is
--
-- returns 'released', and behind it what announce.lua returns | 'displaced' (also if no user has the code)
-- include keys.lua
-- include time.lua
-- include announcements/announce.lua

local token = ARGV[1]
-- A missing token never matches, so that no hash is created for a missing user.
if redis.call('HGET', user, 'token') ~= token then return 'displaced' end
redis.call('HSET', user, 'token', '', 'node', '', 'ended', whole(math.floor(now_us() / 1000)))
local unconfirmed = ARGV[3]
if unconfirmed == '' then
  redis.call('HDEL', user, 'unconfirmed')
elseif unconfirmed ~= '-' then
  redis.call('HSET', user, 'unconfirmed', unconfirmed)
end
-- Perhaps it was sent to a socket that was half open.
if announce_after_ms == 0 or redis.call('HGET', user, 'count') == '0' then return 'released' end
return 'released' .. announce(ARGV[2], now_us())
