#!lua flags=allow-oom
-- Takes a deleted account out of the counts, once.
--
-- KEYS[1] user:next-id  string  the last number given
-- ARGV[1] code
-- ARGV[2] left          '1' the account is gone; '0' it never was deleted, and nothing changes
--
-- returns 'forgotten' | 'other' (it was before)
-- include counts.lua

-- Before the first write: see keys.lua.
redis.call('EXISTS', unclaimed)
redis.call('EXISTS', claimed)
if redis.call('ZREM', leaving, ARGV[1]) == 0 then return 'other' end
if ARGV[2] == '1' and redis.call('ZREM', unclaimed, ARGV[1]) == 0 then redis.call('DECR', claimed) end
return 'forgotten'
