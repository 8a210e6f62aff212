#!lua flags=allow-oom
-- Makes the key record of a claimed account permanent, as the account is.
--
-- KEYS[1] key:<eddsa>  string  code
-- ARGV[1] code         of the account
--
-- returns 'kept' | 'other'

local code = redis.call('GET', KEYS[1])
if code and code ~= ARGV[1] then return 'other' end
redis.call('SET', KEYS[1], ARGV[1])
return 'kept'
