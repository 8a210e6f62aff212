#!lua flags=allow-oom
-- Restores a session that the store has forgotten. Never raises an epoch: a displaced session must not displace its
-- successor. Epochs decide within one history alone: a newer login on a new master whose clock is behind has a lower one.
--
-- KEYS[1] user:{CODE}   hash
-- ARGV[1] token         32 hex digits
-- ARGV[2] epoch         integer, as claimed
-- ARGV[3] node          string
-- ARGV[4] protocol      1 | 2, as claimed
-- ARGV[5] cursor        id that was pushed last; '' if none was
--
-- returns 'held' | 'displaced' | 'ended' | 'banned' | 'gone' | 'unknown'
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/entries.lua
-- include sessions/history.lua

local token, epoch, node, protocol, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local box = open_mailbox()
if not box then return 'unknown' end

if box.token ~= token then
  local why = loss(box, epoch)
  if why ~= 'forgotten' then return why end
  local fields = redis.call('HMGET', user, 'min_protocol', 'history')
  -- This history did not begin before the claim that it has forgotten: what was claimed in it came later.
  if fields[2] and fields[2] == history_now() then return 'displaced' end
  local min_protocol = protocol == '2' and '2' or fields[1]
  -- Claimed in a history that is lost: one with a higher epoch may still come and be restored.
  redis.call('HSET', user, 'epoch', epoch, 'token', token, 'node', node, 'claimed', '1', 'min_protocol', min_protocol,
    'history', '')
  redis.call('PERSIST', user)
  redis.call('SPUBLISH', inbox, 'c' .. token)
end
if cursor ~= '' and not find(box, cursor) then return 'gone' end
return 'held'
