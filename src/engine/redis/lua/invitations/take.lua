#!lua
-- Takes one use of an invitation for a pair of keys that is about to register. The same pair takes one, however often it
-- is tried. Every invalid token gets one answer: unknown, expired, revoked and used up look alike.
--
-- KEYS[1] {invites}:<id>  hash; beside it {invites}:<id>:taken
-- ARGV[1] hash            of the token
-- ARGV[2] holder          the Ed25519 key that registers
-- ARGV[3] pending         ms: a use that was taken longer ago, and not settled, may have been taken in vain
--
-- returns {'taken' | 'no', holder, us, holder, us ...}: some of the uses that were taken long ago

local invite, taken = KEYS[1], KEYS[1] .. ':taken'
local hash, holder, pending_us = ARGV[1], ARGV[2], tonumber(ARGV[3]) * 1000
local OLD_MAX = 16

local fields = redis.call('HMGET', invite, 'hash', 'left', 'expires')
if fields[1] ~= hash then return { 'no' } end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local waiting, used = redis.call('ZSCORE', taken, 'p' .. holder), redis.call('ZSCORE', taken, 'u' .. holder)
local old = redis.call('ZRANGE', taken, '-inf', string.format('%.0f', now - pending_us), 'BYSCORE', 'LIMIT', 0, OLD_MAX,
  'WITHSCORES')
local answer, forgotten = { 'taken' }, {}
for i = 1, #old, 2 do
  local kind, other = string.sub(old[i], 1, 1), string.sub(old[i], 2)
  if kind == 'u' then
    forgotten[#forgotten + 1] = old[i]
  elseif other ~= holder then
    answer[#answer + 1] = other
    answer[#answer + 1] = old[i + 1]
  end
end
if #forgotten > 0 then redis.call('ZREM', taken, unpack(forgotten)) end
if used then return answer end
if not waiting then
  if tonumber(fields[2]) < 1 then
    answer[1] = 'no'
    return answer
  end
  redis.call('HINCRBY', invite, 'left', -1)
  redis.call('HINCRBY', invite, 'pending', 1)
end
redis.call('ZADD', taken, string.format('%.0f', now), 'p' .. holder)
if fields[3] == '0' then
  redis.call('PERSIST', taken)
else
  redis.call('PEXPIREAT', taken, string.format('%.0f', math.ceil(tonumber(fields[3]) / 1000)))
end
return answer
