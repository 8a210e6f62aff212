#!lua flags=allow-oom
-- Restores a session that the store has forgotten. Never raises an epoch: a displaced session must not displace its
-- successor.
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
-- include mailbox.lua

local token, epoch, node, protocol, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local box = open_mailbox()
if not box then return 'unknown' end

if box.token ~= token then
  local why = loss(box, epoch)
  if why ~= 'forgotten' then return why end
  local min_protocol = protocol == '2' and '2' or redis.call('HGET', user, 'min_protocol')
  redis.call('HSET', user, 'epoch', epoch, 'token', token, 'node', node, 'claimed', '1', 'min_protocol', min_protocol)
  redis.call('PERSIST', user)
  redis.call('SPUBLISH', inbox, 'c' .. token)
end
if cursor ~= '' and not find(box, cursor) then return 'gone' end
return 'held'
