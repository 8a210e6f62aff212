-- The counts of accounts, in the slot of user:next-id, which alone is declared: see keys.lua.
--   unclaimed  zset    code -> when the account expires, ms
--   leaving    zset    code -> when its deletion was noted, ms
--   claimed    string  how many accounts never expire
local slot_tag = '{' .. KEYS[1] .. '}'
local unclaimed, leaving, claimed = slot_tag .. ':unclaimed', slot_tag .. ':leaving', slot_tag .. ':claimed'

