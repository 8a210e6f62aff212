#!lua flags=allow-oom
-- Gives a session up, if it is still valid. The epoch stays: the next claim must exceed it.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
--
-- returns 'released' | 'displaced' (also if no user has the code)

local user, token = KEYS[1], ARGV[1]
-- A missing token never matches, so that no hash is created for a missing user.
if redis.call('HGET', user, 'token') ~= token then return 'displaced' end
redis.call('HSET', user, 'token', '', 'node', '')
return 'released'
