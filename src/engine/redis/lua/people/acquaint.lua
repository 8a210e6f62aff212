#!lua
-- The user writes to these people: from then on the user hears them.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- then their codes
--
-- returns 'done' | 'full' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'unknown'
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include people/guard.lua
-- include people/known.lua

local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= ARGV[1] then return loss(box, ARGV[2]) end
return know(3) and 'done' or 'full'
