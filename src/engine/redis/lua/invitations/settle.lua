#!lua flags=allow-oom
-- A use that was taken has made an account, or was taken in vain and goes back.
--
-- KEYS[1] {invites}:<id>  hash; beside it {invites}:<id>:taken
-- ARGV[1] holder          the Ed25519 key
-- ARGV[2] back            '' it has made an account; otherwise us: it was taken then, not since, and goes back
-- ARGV[3] pending         ms: for so long, another attempt of the same pair of keys may still be under way
--
-- returns 'settled' | 'other'

local invite, taken = KEYS[1], KEYS[1] .. ':taken'
local holder, back, pending_ms = ARGV[1], ARGV[2], ARGV[3]

local score = redis.call('ZSCORE', taken, 'p' .. holder)
if not score or back ~= '' and back ~= score then return 'other' end
local pending = tonumber(redis.call('HGET', invite, 'pending') or 0)
redis.call('ZREM', taken, 'p' .. holder)
redis.call('HSET', invite, 'pending', pending - 1)
if back == '' then
  redis.call('ZADD', taken, score, 'u' .. holder)
else
  redis.call('HINCRBY', invite, 'left', 1)
end
-- No use of it is under way: the keys of the last registrations are soon forgotten.
if pending == 1 then redis.call('PEXPIRE', taken, pending_ms, 'LT') end
return 'settled'
