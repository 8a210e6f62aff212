#!lua flags=allow-oom
-- Gives a session up, if it still holds. The epoch stays: the next claim must go beyond it.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token
--
-- returns 'released' | 'displaced' (also where no user has the code)

local user, token = KEYS[1], ARGV[1]
-- A missing token equals none, so that no ghost of a user is made.
if redis.call('HGET', user, 'token') ~= token then return 'displaced' end
redis.call('HSET', user, 'token', '', 'node', '')
return 'released'
