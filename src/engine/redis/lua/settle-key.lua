#!lua flags=allow-oom
-- The key record of a claimed account lives as long as the account: for ever.
--
-- KEYS[1] key:<eddsa>  string  code
-- ARGV[1] code
--
-- returns 'kept' | 'other'

local code = redis.call('GET', KEYS[1])
if code and code ~= ARGV[1] then return 'other' end
redis.call('SET', KEYS[1], ARGV[1])
return 'kept'
