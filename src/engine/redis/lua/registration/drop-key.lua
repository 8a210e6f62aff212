#!lua flags=allow-oom
-- Removes a key record that names a missing account.
--
-- KEYS[1] key:<eddsa>  string  code
-- ARGV[1] code         that the record must name
--
-- returns 'dropped' | 'other'

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'other' end
redis.call('DEL', KEYS[1])
return 'dropped'
