#!lua flags=allow-oom
-- Reads a page of a mailbox for its valid session. allow-oom: expired envelopes leave on the way.
--
-- KEYS[1] user:{CODE}    hash
-- ARGV[1] token          32 hex digits
-- ARGV[2] after          id: the cursor; '' reads from the start
-- ARGV[3] max envelopes  integer
-- ARGV[4] max bytes      integer; one envelope is returned however large it is
-- ARGV[5] ttl            us, of an envelope
-- ARGV[6] epoch          integer  of the session
--
-- returns {'displaced' | 'ended' | 'banned' | 'forgotten' | 'gone' | 'unknown'}, or {'held', last id, id, frame, id, frame ...} with nil for
--         the frame of an entry that has none
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/shares.lua
-- include mailbox/entries.lua
-- include mailbox/leave.lua

local token, after = ARGV[1], ARGV[2]
local max_envelopes, max_bytes, ttl = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- Entries become Lua values before their size is known.
local PAGE = 16

local box = open_mailbox()
if not box then return { 'unknown' } end
if box.token ~= token then return { loss(box, ARGV[6]) } end

expire(box, now_us() - ttl)
if after ~= '' and not find(box, after) then return { 'gone' } end

local page = { 'held', box.last }
if box.count == 0 or after == box.last then return page end
local envelopes, bytes = 0, 0
local from = after == '' and '-' or '(' .. after
while envelopes < max_envelopes do
  local entries = redis.call('XRANGE', inbox, from, '+', 'COUNT', math.min(PAGE, max_envelopes - envelopes))
  for _, entry in ipairs(entries) do
    local frame = field_of(entry, 'f') or false
    bytes = bytes + (frame and #frame or 0)
    if envelopes > 0 and bytes > max_bytes then return page end
    envelopes = envelopes + 1
    page[#page + 1] = entry[1]
    page[#page + 1] = frame
    from = '(' .. entry[1]
  end
  if #entries < PAGE then return page end
end
return page
