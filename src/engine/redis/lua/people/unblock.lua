#!lua flags=allow-oom
-- Unblocks a code.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- ARGV[3] code
--
-- returns 'done' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- include time.lua
-- include mailbox.lua
-- include guard.lua

local user, code = KEYS[1], ARGV[3]
local box = open_mailbox(user)
if not box then return 'unknown' end
if box.token ~= ARGV[1] then return loss(box, ARGV[2]) end

local person = redis.call('HGET', key_of(user, 'people'), code)
if not has(person, 'b') then return 'done' end
local rest = without(person, 'b')
if rest == '' then redis.call('HDEL', key_of(user, 'people'), code) else redis.call('HSET', key_of(user, 'people'), code, rest) end
-- What would have waited has never been there.
redis.call('HDEL', key_of(user, 'unheard'), code)
local blocks = tonumber(redis.call('HGET', user, 'blocks') or 1) - 1
redis.call('HSET', user, 'blocks', blocks, 'guard', blocks > 0 and box.guard or without(box.guard, 'b'))
return 'done'
