#!lua flags=allow-oom
-- Whether a user who was noted is still to be announced. If not, the next that finds the user away notes it again.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] ttl          us, of an envelope
-- ARGV[2] way          'push' or 'hook'
--
-- returns {'not'}, or {'away', epoch, envelopes, us of the oldest, subscription …}
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/shares.lua
-- include mailbox/entries.lua
-- include mailbox/leave.lua
-- include people/guard.lua

local now = now_us()
local box = open_mailbox()
if not box then return { 'not' } end
expire(box, now - tonumber(ARGV[1]))
-- The token of a session stays when its node dies, but then no node listens. To the session itself this is no news.
local live = box.token ~= '' and redis.call('SPUBLISH', inbox, 'c' .. box.token) > 0
if live or box.count == 0 or banned_until(box.guard, now) then
  redis.call('HDEL', user, 'announced')
  return { 'not' }
end
local answer = { 'away', tonumber(redis.call('HGET', user, 'epoch')), box.count, whole(box.oldest) }
if ARGV[2] == 'push' then
  local push = key_of('push')
  for _, id in ipairs(redis.call('HKEYS', push)) do answer[#answer + 1] = redis.call('HGET', push, id) end
end
return answer
