#!lua
-- Says whom a user hears: anyone, or only those whom he knows.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- ARGV[3] policy       'anyone' | 'known'
-- then the codes of people whom he knows
--
-- returns 'done' | 'full' (too many are known: nothing has changed) | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include people/guard.lua
-- include people/known.lua

local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= ARGV[1] then return loss(box, ARGV[2]) end
if not know(4) then return 'full' end
redis.call('HSET', user, 'guard', ARGV[3] == 'known' and with(box.guard, 'k') or without(box.guard, 'k'))
return 'done'
