#!lua flags=allow-oom
-- Removes the envelopes that a session has confirmed. Only the valid session may, by equality of the token: the pong of
-- an old socket is no receipt once another session holds the user.
--
-- KEYS[1] user:{CODE}    hash
-- ARGV[1] token          32 hex digits
-- ARGV[2] up to          id of the newest confirmed envelope
-- ARGV[3] epoch          integer  of the session
--
-- returns 'held' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'gone' | 'unknown'
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/shares.lua
-- include mailbox/entries.lua
-- include mailbox/leave.lua

local token, up_to = ARGV[1], ARGV[2]

local box = open_mailbox()
if not box then return 'unknown' end
if box.token ~= token then return loss(box, ARGV[3]) end
local entry = find(box, up_to)
if not entry then return 'gone' end
if entry == 'newest' then
  leave_all(box)
elseif entry ~= 'left' then
  leave(box, entry)
end
return 'held'
