#!lua flags=allow-oom
-- Removes a key record that names an account which is not there (any more).
--
-- KEYS[1] key:<eddsa>  string  code
-- ARGV[1] code
--
-- returns 'dropped' | 'other'

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'other' end
redis.call('DEL', KEYS[1])
return 'dropped'
