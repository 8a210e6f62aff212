#!lua flags=allow-oom
-- Removes what a session has confirmed. Only the holder may, by equality of the token: the pong of an old socket is
-- no receipt once another holds the user.
--
-- KEYS[1] user:{CODE}   hash
-- KEYS[2] inbox:{CODE}  stream
-- KEYS[3] shares:{CODE} hash: what waits, by sender
-- ARGV[1] token
-- ARGV[2] up to         id of the newest envelope that was confirmed
-- ARGV[3] epoch         of the session
--
-- returns 'held' | 'displaced' | 'forgotten' | 'gone' | 'unknown'
-- include mailbox.lua

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
