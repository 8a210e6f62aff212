#!lua flags=allow-oom
-- Takes a deleted account out of the counts, once.
--
-- KEYS[1] {user:next-id}:leaving    zset    code -> when it was noted, ms
-- KEYS[2] {user:next-id}:unclaimed  zset    code -> ms of its expiry
-- KEYS[3] {user:next-id}:claimed    string  how many accounts never expire
-- ARGV[1] code
-- ARGV[2] left                      '1' the account is gone; '0' it never was deleted, and nothing changes
--
-- returns 'forgotten' | 'other' (it was before)

if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 'other' end
if ARGV[2] == '1' and redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then redis.call('DECR', KEYS[3]) end
return 'forgotten'
