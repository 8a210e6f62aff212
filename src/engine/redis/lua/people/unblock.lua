#!lua flags=allow-oom
-- Unblocks a code.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- ARGV[3] code
--
-- returns 'done' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include people/guard.lua

local blocked = ARGV[3]
local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= ARGV[1] then return loss(box, ARGV[2]) end

local person = redis.call('HGET', key_of('people'), blocked)
if not has(person, 'b') then return 'done' end
local rest = without(person, 'b')
if rest == '' then redis.call('HDEL', key_of('people'), blocked) else redis.call('HSET', key_of('people'), blocked, rest) end
-- What would have waited has never been there.
optional('HDEL', key_of('unheard'), blocked)
local blocks = tonumber(redis.call('HGET', user, 'blocks') or 1) - 1
redis.call('HSET', user, 'blocks', blocks, 'guard', blocks > 0 and box.guard or without(box.guard, 'b'))
return 'done'
