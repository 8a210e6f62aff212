#!lua flags=allow-oom
-- Bans a user, or ends the ban; ends the session of a user.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] what         'ban' | 'unban' | 'disconnect'
-- ARGV[2] for          ms; '' for ever
-- ARGV[3] reason       string
--
-- returns 'done' | 'unknown'
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include people/guard.lua

local what = ARGV[1]
local box = open_mailbox()
if not box then return 'unknown' end
if what == 'unban' then
  redis.call('HDEL', user, 'banned', 'ban_reason')
  redis.call('HSET', user, 'guard', without(box.guard, 'x'))
  return 'done'
end
if what == 'ban' then
  local till = ARGV[2] == '' and 0 or now_us() + tonumber(ARGV[2]) * 1000
  redis.call('HSET', user, 'guard', with(box.guard, 'x'), 'banned', whole(till), 'ban_reason', ARGV[3])
end
if box.token ~= '' then redis.call('HSET', user, 'ended', whole(math.floor(now_us() / 1000))) end
redis.call('HSET', user, 'token', '', 'node', '')
-- No token is like this: the session asks who holds it.
redis.call('SPUBLISH', inbox, 'c' .. string.rep('0', 32))
return 'done'
