#!lua
-- Replaces the batch of prekeys of a user.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- ARGV[3] generation   integer
-- ARGV[4] keys         integer  in the batch
-- ARGV[5] batch        bytes
-- ARGV[6] store        the history in which the batch was made: a batch that another history has taken may have been claimed
--
-- returns 'done' | 'stale' | 'elsewhere' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include sessions/history.lua
-- include prekeys/state.lua

local generation, count, batch, store = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6]

local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= ARGV[1] then return loss(box, ARGV[2]) end
local before = redis.call('GET', key_of('prekeys'))
local prekeys = prekeys_of(redis.call('HGET', user, 'prekeys'))
-- The same again: its answer was lost.
if prekeys and prekeys.generation == generation and before == batch then return 'done' end
local history = history_now()
if store ~= history then return 'elsewhere' end
if prekeys and prekeys.generation >= generation then return 'stale' end
redis.call('SET', key_of('prekeys'), batch)
write_prekeys({ generation = generation, count = count, given = 0, history = history })
return 'done'
