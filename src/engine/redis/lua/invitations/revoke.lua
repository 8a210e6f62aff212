#!lua flags=allow-oom
-- Removes an invitation.
--
-- KEYS[1] {invites}:<id>  hash; beside it {invites}:<id>:taken and {invites}:all
-- ARGV[1] id
--
-- returns 'revoked' | 'unknown'

local invite, taken, list = KEYS[1], KEYS[1] .. ':taken', '{invites}:all'
redis.call('EXISTS', taken, list)
local known = redis.call('DEL', invite) == 1
redis.call('DEL', taken)
redis.call('ZREM', list, ARGV[1])
return known and 'revoked' or 'unknown'
