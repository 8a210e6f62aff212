#!lua flags=allow-oom
-- Removes users who were announced, or puts them back: those that have not been noted or taken again meanwhile.
--
-- KEYS[1] away:{tag}  zset  CODE -> when to take it, ms
-- ARGV[1] after       ms, until they may be taken again; '' removes them
-- then for each user: CODE, ticket
--
-- returns how many
-- include time.lua

local due = ARGV[1] ~= '' and whole(math.floor(now_us() / 1000) + tonumber(ARGV[1]))
local settled = 0
for at = 2, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[at])
  if score and tonumber(score) == tonumber(ARGV[at + 1]) then
    if due then redis.call('ZADD', KEYS[1], due, ARGV[at]) else redis.call('ZREM', KEYS[1], ARGV[at]) end
    settled = settled + 1
  end
end
return settled
