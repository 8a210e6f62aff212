#!lua flags=allow-oom
-- Deletes an account and all that waits for it. Of the account a mark stays, for ever, so that no other user gets its code
-- again; and its key until other slots have forgotten it too.
--
-- KEYS[1] user:{CODE}     hash
-- ARGV[1] token           holder: of the session. sweeper: as it found it
-- ARGV[2] epoch           the same
-- ARGV[3] who             'holder' of the session, 'operator', or 'sweeper'
-- ARGV[4] latest          us, Redis time: later, what was prepared for this may have been cleared away
--
-- returns {'left', eddsa key} | {'held'} (sweeper: a login came between) | {'late'} | {'displaced' | 'forgotten' | 'ended' |
--         'banned' | 'unknown'}
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua

local token, epoch, who, latest = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local now = now_us()
local box = open_mailbox()
if not box then return { 'unknown' } end
if who == 'holder' and box.token ~= token then return { loss(box, epoch) } end
if who == 'sweeper' and (box.token ~= token or redis.call('HGET', user, 'epoch') ~= epoch) then return { 'held' } end
if now > tonumber(latest) then return { 'late' } end

-- One by one: while the slot is moving, a command on several keys is refused. Looked at before the first write: see keys.lua.
local beside = { inbox, shares, key_of('seen') .. ':0', key_of('seen') .. ':1', key_of('people'), key_of('unheard'), key_of('push'),
  key_of('prekeys'), key_of('claims'), key_of('poison') }
for _, name in ipairs(beside) do redis.call('EXISTS', name) end
for _, name in ipairs(beside) do redis.call('DEL', name) end
local eddsa = redis.call('HGET', user, 'eddsa')
-- Not deleted and created again, which a slot that is leaving does not allow.
local fields = redis.call('HKEYS', user)
redis.call('HSET', user, 'gone', whole(now), 'key', eddsa)
redis.call('HDEL', user, unpack(fields))
redis.call('PERSIST', user)
-- No token is like this: the session asks who holds it. The holder knows.
if who ~= 'holder' then redis.call('SPUBLISH', inbox, 'c' .. string.rep('0', 32)) end
return { 'left', eddsa }
