#!lua
-- Keeps a new invitation.
--
-- KEYS[1] {invites}:<id>  hash; beside it the list {invites}:all
-- ARGV[1] id
-- ARGV[2] hash            of the token
-- ARGV[3] uses
-- ARGV[4] expires in      ms; '' never
-- ARGV[5] note
-- ARGV[6] max             invitations that may be kept
--
-- returns 'created' | 'taken' | 'full'

local invite, list = KEYS[1], '{invites}:all'
local id, hash, uses, expires_in, note, max = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])
local LOOK_AT = 500

local count = redis.call('ZCARD', list)
if redis.call('EXISTS', invite) == 1 then return 'taken' end
if count >= max then
  -- Some may have expired.
  local gone = {}
  for _, old in ipairs(redis.call('ZRANGE', list, 0, LOOK_AT - 1)) do
    if redis.call('EXISTS', '{invites}:' .. old) == 0 then gone[#gone + 1] = old end
  end
  if #gone == 0 then return 'full' end
  redis.call('ZREM', list, unpack(gone))
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local expires = expires_in == '' and 0 or now + tonumber(expires_in) * 1000
redis.call('HSET', invite, 'hash', hash, 'uses', uses, 'left', uses, 'pending', 0, 'note', note,
  'created', string.format('%.0f', now), 'expires', string.format('%.0f', expires))
if expires_in ~= '' then redis.call('PEXPIRE', invite, expires_in) end
redis.call('ZADD', list, string.format('%.0f', now), id)
return 'created'
