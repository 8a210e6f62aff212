#!lua
-- Blocks a code: nothing of this sender is stored from here on.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- ARGV[3] code         to be blocked
--
-- returns 'done' | 'full' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- CONST max_blocks
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include people/guard.lua

local blocked = ARGV[3]
local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= ARGV[1] then return loss(box, ARGV[2]) end

local person = redis.call('HGET', key_of('people'), blocked)
if has(person, 'b') then return 'done' end
local blocks = tonumber(redis.call('HGET', user, 'blocks') or 0)
if blocks >= max_blocks then return 'full' end
redis.call('HSET', key_of('people'), blocked, with(person, 'b'))
redis.call('HSET', user, 'blocks', blocks + 1, 'guard', with(box.guard, 'b'))
return 'done'
