#!lua flags=allow-oom
-- Removes the envelopes that a session has confirmed. Only the valid session may, by equality of the token: the pong of
-- an old socket is no receipt once another session holds the user.
--
-- KEYS[1] user:{CODE}    hash
-- KEYS[2] inbox:{CODE}   stream
-- KEYS[3] shares:{CODE}  hash  what waits, by sender
-- ARGV[1] token          32 hex digits
-- ARGV[2] up to          id of the newest confirmed envelope
-- ARGV[3] epoch          integer  of the session
--
-- returns 'held' | 'displaced' | 'ended' | 'banned' | 'forgotten' | 'gone' | 'unknown'
-- include time.lua
-- include mailbox.lua
-- include shares.lua
-- include leave.lua

local user, inbox, shares = KEYS[1], KEYS[2], KEYS[3]
local token, up_to = ARGV[1], ARGV[2]

local box = open_mailbox(user, shares)
if not box then return 'unknown' end
if box.token ~= token then return loss(box, ARGV[3]) end
local entry = find(box, inbox, up_to)
if not entry then return 'gone' end
if entry == 'newest' then
  leave_all(box, user, inbox)
elseif entry ~= 'left' then
  leave(box, user, inbox, entry)
end
return 'held'
