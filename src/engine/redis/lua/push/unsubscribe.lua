#!lua flags=allow-oom
-- Forgets where a user was pushed to.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- ARGV[3] id           of the endpoint
--
-- returns 'done' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua

local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= ARGV[1] then return loss(box, ARGV[2]) end
redis.call('HDEL', key_of('push'), ARGV[3])
return 'done'
