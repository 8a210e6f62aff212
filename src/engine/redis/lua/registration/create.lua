#!lua
-- Creates an account with a short lifetime: `register` completes it once its key record names it. Fields that deliver
-- and confirm read come first, because Redis searches a small hash from the front.
--
-- KEYS[1] user:{CODE}    hash
-- ARGV[1] id             integer
-- ARGV[2] ecdh key       64 hex digits
-- ARGV[3] eddsa key      64 hex digits
-- ARGV[4] name           string; '' for none
-- ARGV[5] pending        ms
-- ARGV[6] percent        of maxmemory that may be in use
-- ARGV[7] latest         us, Redis time: later, what lets the account in may have been taken back
--
-- returns 'created' | 'taken' | 'late' | 'full' (the rest of this server's memory is for mail)
-- include keys.lua

if redis.call('EXISTS', user) == 1 then return 'taken' end
local time = redis.call('TIME')
if time[1] * 1000000 + time[2] > tonumber(ARGV[7]) then return 'late' end
local memory = redis.call('INFO', 'memory')
local used = tonumber(string.match(memory, 'used_memory:(%d+)'))
local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
if most > 0 and used > most / 100 * tonumber(ARGV[6]) then return 'full' end
-- Leftovers of an expired account that had this code. One by one: while a slot is moving, a command on several keys is
-- refused.
for _, name in ipairs({ inbox, shares, key_of('seen') .. ':0', key_of('seen') .. ':1' }) do redis.call('DEL', name) end
redis.call('HSET', user,
  'last', '0-0', 'confirmed', '0-0', 'count', 0, 'total', 0, 'base', 0, 'oldest', 0, 'token', '',
  'guard', '', 'epoch', 0, 'eddsa', ARGV[3],
  'node', '', 'claimed', '0', 'min_protocol', '1', 'expired', 0, 'settled', '0', 'pending', '1',
  'id', ARGV[1], 'name', ARGV[4], 'ecdh', ARGV[2],
  'created', string.format('%.0f', time[1] * 1000000 + time[2]))
redis.call('PEXPIRE', user, ARGV[5])
return 'created'
