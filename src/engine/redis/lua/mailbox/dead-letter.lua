#!lua flags=allow-oom
-- Moves an entry that cannot be delivered from the mailbox to the dead letters, where operators can look at it. The
-- entries before and behind it stay. allow-oom: it writes no more than it removes.
--
-- KEYS[1] user:{CODE}    hash
-- ARGV[1] token          32 hex digits
-- ARGV[2] epoch          integer  of the session
-- ARGV[3] id             of the entry
-- ARGV[4] why            'unreadable' | 'unsendable' | 'too_big' | 'skipped'
--
-- returns 'held' (also if the entry does not wait here any more) | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- CONST ttl_us  of an envelope
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/shares.lua
-- include mailbox/entries.lua
-- include mailbox/leave.lua

local dead_letters = key_of('poison')
local token, id, why = ARGV[1], ARGV[3], ARGV[4]
local MAX_KEPT, MAX_BYTES = 16, 65536

local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= token then return loss(box, ARGV[2]) end
local entry = redis.call('XRANGE', inbox, id, id)[1]
if not entry then return 'held' end

-- An envelope is kept as it is; anything else may be of any size.
local frame = field_of(entry, 'f')
local name, value = 'f', frame
if not frame then name, value = 'entry', string.sub(table.concat(entry[2], '\n'), 1, MAX_BYTES) end
-- The id that the sender gave it, to be looked for.
local readable, decoded = pcall(cjson.decode, frame or '')
local named = readable and type(decoded) == 'table' and type(decoded.data) == 'table' and decoded.data.id
redis.call('XADD', dead_letters, 'MAXLEN', MAX_KEPT, '*', 'id', id, 'why', why, name, value,
  'sender', field_of(entry, 's') or '', 'envelope', type(named) == 'string' and named or '')
redis.call('PEXPIRE', dead_letters, whole(ttl_us / 1000))

if frame and redis.call('XRANGE', inbox, '-', '+', 'COUNT', 1)[1][1] == id then
  -- At the head it leaves as if it were confirmed: a cursor may stand on it.
  leave(box, entry)
  return 'held'
end
redis.call('XDEL', inbox, id)
-- So rare that deliver simply counts by sender again.
optional('DEL', shares)
box.count = redis.call('XLEN', inbox)
if box.count == 0 then
  leave_all(box)
else
  -- Its bytes wait no longer. The totals of the entries behind it count them still: see `leave`.
  local size, aside = frame and #frame or 0, {}
  for from, to, bytes in string.gmatch(redis.call('HGET', user, 'aside') or '', '(%d+),(%d+),(%d+)') do
    if tonumber(to) > us_of(box.confirmed) then aside[#aside + 1] = from .. ',' .. to .. ',' .. bytes end
  end
  aside[#aside + 1] = whole(us_of(id)) .. ',' .. whole(us_of(box.last)) .. ',' .. size
  redis.call('HSET', user, 'count', box.count, 'total', whole(box.total - size), 'aside', table.concat(aside, ' '))
end
return 'held'
