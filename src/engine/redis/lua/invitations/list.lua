#!lua flags=allow-oom
-- A page of invitations, the newest first. Those that have expired leave the list on the way.
--
-- KEYS[1] {invites}:all  zset  id -> when it was made, us
-- ARGV[1] from           rank
-- ARGV[2] count
--
-- returns {more ('1' or '0'), gone, {id, uses, left, note, created us, expires us} ...}

local from, count = tonumber(ARGV[1]), tonumber(ARGV[2])
local ids = redis.call('ZRANGE', KEYS[1], from, from + count, 'REV')
local answer, gone = { #ids > count and '1' or '0', 0 }, {}
for i = 1, math.min(#ids, count) do
  -- On the slot of KEYS[1], by its tag.
  local key = '{invites}:' .. ids[i]
  local fields = redis.call('HMGET', key, 'uses', 'left', 'note', 'created', 'expires')
  if fields[1] then
    answer[#answer + 1] = { ids[i], fields[1], fields[2], fields[3], fields[4], fields[5] }
  else
    gone[#gone + 1] = ids[i]
  end
end
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
answer[2] = #gone
return answer
