-- A mailbox: the stream `inbox` and, in the hash `user`,
--   last       the newest id ever given here: ids never go back, even over DEL and clock steps
--   confirmed  the newest id that left at the head, by a confirm or by expiry: everything not newer has left
--   count      entries that wait
--   total      running byte total up to `last`
--   base       running byte total up to `confirmed`; total - base bytes wait
--   oldest     us; no waiting entry is older (but the oldest entry may be younger)
-- Each entry has the frame (field f), the running total up to itself (t), so that leaving needs no scan, and its
-- sender (s).

-- The mailbox, the token of its session, and its guard (see guard.lua; nil if empty). Nil if no user has the code. Each
-- field costs as much as three lines of Lua.
local function open_mailbox()
  local fields = redis.call('HMGET', user, 'last', 'confirmed', 'count', 'total', 'base', 'oldest', 'token', 'guard')
  if not fields[1] then return nil end
  return {
    last = fields[1], confirmed = fields[2], count = tonumber(fields[3]), total = tonumber(fields[4]),
    base = tonumber(fields[5]), oldest = tonumber(fields[6]), token = fields[7],
    guard = fields[8] and fields[8] ~= '' and fields[8] or nil,
  }
end

-- Why a session of this epoch does not hold: 'banned'; 'ended', by an operator or by its own release; 'displaced' by a newer
-- claim; or 'forgotten', because the store has gone back to before its claim (a failover, a lost tail): then it may
-- reclaim.
local function loss(box, epoch)
  if box.guard and string.find(box.guard, 'x', 1, true) then return 'banned' end
  local newest = tonumber(redis.call('HGET', user, 'epoch'))
  if newest == tonumber(epoch) and box.token == '' then return 'ended' end
  return newest < tonumber(epoch) and 'forgotten' or 'displaced'
end
