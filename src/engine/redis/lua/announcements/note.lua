#!lua flags=allow-oom
-- Notes again what could not be noted when it was stored, because its slot was moving.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] away         the name of its zset
--
-- returns '!' | '' | '?': see announce.lua
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include announcements/announce.lua

local box = open_mailbox()
if not box or box.count == 0 or box.token ~= '' then return '' end
return announce(ARGV[1], now_us())
