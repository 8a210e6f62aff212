#!lua
-- Notes where a user is pushed to while away, or renews it. Of too many, the one leaves that was not renewed for longest.
--
-- KEYS[1] user:{CODE}   hash
-- ARGV[1] token         32 hex digits
-- ARGV[2] epoch         integer  of the session
-- ARGV[3] id            of the endpoint
-- ARGV[4] subscription  endpoint, p256dh and auth, with spaces between
--
-- returns 'done' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- CONST push_max     of one user
-- CONST push_ttl_ms  from the last that was renewed
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua

local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= ARGV[1] then return loss(box, ARGV[2]) end

local key, id = key_of('push'), ARGV[3]
local ids = redis.call('HKEYS', key)
local oldest, oldest_us, known = nil, nil, false
for _, other in ipairs(ids) do
  local us = tonumber(string.match(redis.call('HGET', key, other), '^%d+'))
  if not oldest or us < oldest_us then oldest, oldest_us = other, us end
  known = known or other == id
end
redis.call('HSET', key, id, whole(now_us()) .. ' ' .. ARGV[4])
if not known and #ids >= push_max then redis.call('HDEL', key, oldest) end
redis.call('PEXPIRE', key, push_ttl_ms)
return 'done'
