#!lua flags=allow-oom
-- Deletes everything that waits for a user. The session, if there is one, goes on behind it.
--
-- KEYS[1] user:{CODE}  hash
--
-- returns how many entries that were; -1 if no user has the code
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/shares.lua
-- include mailbox/entries.lua
-- include mailbox/leave.lua

local box = open_mailbox()
if not box then return -1 end
return leave_all(box)
