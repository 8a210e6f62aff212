#!lua flags=allow-oom
-- Lets an account that has logged in by protocol 2 use protocol 1 again, until its next login by protocol 2.
--
-- KEYS[1] user:{CODE}  hash
--
-- returns 'reopened' | 'unknown'

if redis.call('HEXISTS', KEYS[1], 'eddsa') == 0 then return 'unknown' end
redis.call('HSET', KEYS[1], 'min_protocol', '1')
return 'reopened'
