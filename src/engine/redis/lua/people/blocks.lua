#!lua flags=no-writes
-- A page of the codes that a user has blocked, in no order.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- ARGV[3] cursor       '0' at first
-- ARGV[4] count        about so many people are looked at
--
-- returns {'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'} or {'held', next cursor ('0' at the end), code, code ...}
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include people/guard.lua

local box = open_mailbox()
if not box then return { 'unknown' } end
if box.token ~= ARGV[1] then return { loss(box, ARGV[2]) } end

local page = redis.call('HSCAN', key_of('people'), ARGV[3], 'COUNT', ARGV[4])
local answer = { 'held', page[1] }
for i = 1, #page[2], 2 do
  if has(page[2][i + 1], 'b') then answer[#answer + 1] = page[2][i] end
end
return answer
