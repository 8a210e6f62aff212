#!lua flags=allow-oom
-- Notes that the key record and the count of a claimed account are settled, so that no claim does it again.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] eddsa key
--
-- returns 'settled' | 'other'

if redis.call('HGET', KEYS[1], 'eddsa') ~= ARGV[1] then return 'other' end
redis.call('HSET', KEYS[1], 'settled', '1')
return 'settled'
