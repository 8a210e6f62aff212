#!lua
-- Creates an account with a short lifetime: `register` completes it once its key record names it. Fields that deliver
-- and confirm read come first, because Redis searches a small hash from the front.
--
-- KEYS[1] user:{CODE}    hash
-- KEYS[2] inbox:{CODE}   stream
-- KEYS[3] seen:{CODE}:0  hash
-- KEYS[4] seen:{CODE}:1  hash
-- KEYS[5] shares:{CODE}  hash
-- ARGV[1] id             integer
-- ARGV[2] ecdh key       64 hex digits
-- ARGV[3] eddsa key      64 hex digits
-- ARGV[4] name           string; '' for none
-- ARGV[5] pending        ms
-- ARGV[6] percent        of maxmemory that may be in use
-- ARGV[7] latest         us, Redis time: later, what lets the account in may have been taken back
--
-- returns 'created' | 'taken' | 'late' | 'full' (the rest of this server's memory is for mail)

if redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
local time = redis.call('TIME')
if time[1] * 1000000 + time[2] > tonumber(ARGV[7]) then return 'late' end
local memory = redis.call('INFO', 'memory')
local used = tonumber(string.match(memory, 'used_memory:(%d+)'))
local most = tonumber(string.match(memory, 'maxmemory:(%d+)'))
if most > 0 and used > most / 100 * tonumber(ARGV[6]) then return 'full' end
-- Leftovers of an expired account that had this code.
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('HSET', KEYS[1],
  'last', '0-0', 'confirmed', '0-0', 'count', 0, 'total', 0, 'base', 0, 'oldest', 0, 'token', '',
  'guard', '', 'epoch', 0, 'eddsa', ARGV[3],
  'node', '', 'claimed', '0', 'min_protocol', '1', 'expired', 0, 'settled', '0', 'pending', '1',
  'id', ARGV[1], 'name', ARGV[4], 'ecdh', ARGV[2],
  'created', string.format('%.0f', time[1] * 1000000 + time[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 'created'
