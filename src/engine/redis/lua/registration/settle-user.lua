#!lua flags=allow-oom
-- Marks the key record and the count of a claimed account as settled, so that no claim repeats it.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] eddsa key    64 hex digits
--
-- returns 'settled' | 'other'

if redis.call('HGET', KEYS[1], 'eddsa') ~= ARGV[1] then return 'other' end
redis.call('HSET', KEYS[1], 'settled', '1')
return 'settled'
