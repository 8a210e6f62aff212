#!lua flags=allow-oom
-- Deletes an account and all that waits for it. Of the account a mark stays, for ever, so that nobody is given its code
-- again; and its key until other slots have forgotten it too.
--
-- KEYS[1] user:{CODE}     hash
-- KEYS[2] inbox:{CODE}    stream  and the name of its sharded channel
-- KEYS[3] shares:{CODE}   hash
-- KEYS[4] seen:{CODE}:0   hash
-- KEYS[5] seen:{CODE}:1   hash
-- KEYS[6] poison:{CODE}   stream
-- KEYS[7] people:{CODE}   hash
-- KEYS[8] unheard:{CODE}  hash
-- ARGV[1] token           holder: of the session. sweeper: as it found it
-- ARGV[2] epoch           the same
-- ARGV[3] who             'holder' of the session, 'operator', or 'sweeper'
-- ARGV[4] latest          us, Redis time: later, what was prepared for this may have been cleared away
--
-- returns {'left', eddsa key} | {'held'} (sweeper: a login came between) | {'late'} | {'displaced' | 'forgotten' | 'ended' |
--         'banned' | 'unknown'}
-- include time.lua
-- include mailbox.lua

local user, inbox = KEYS[1], KEYS[2]
local token, epoch, who, latest = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local now = now_us()
local box = open_mailbox(user)
if not box then return { 'unknown' } end
if who == 'holder' and box.token ~= token then return { loss(box, epoch) } end
if who == 'sweeper' and (box.token ~= token or box.epoch ~= tonumber(epoch)) then return { 'held' } end
if now > tonumber(latest) then return { 'late' } end

local eddsa = redis.call('HGET', user, 'eddsa')
redis.call('DEL', unpack(KEYS))
redis.call('HSET', user, 'gone', whole(now), 'key', eddsa)
-- No token is like this: the session asks who holds it. The holder knows.
if who ~= 'holder' then redis.call('SPUBLISH', inbox, 'c' .. string.rep('0', 32)) end
return { 'left', eddsa }
