-- A mailbox: the stream `inbox` and, in the hash `user`,
--   last       the newest id ever given here: ids never go back, even over DEL and clock steps
--   confirmed  the newest id that left at the head, by a confirm or by expiry: everything not newer has left
--   count      entries that wait
--   total      running byte total up to `last`
--   base       running byte total up to `confirmed`; total - base bytes wait
--   oldest     us; no waiting entry is older (but the oldest entry may be younger)
-- Each entry has the frame (field f), the running total up to itself (t), so that leaving needs no scan, and its
-- sender (s).

-- The mailbox, the token and epoch of its session, and its guard (see guard.lua; nil if empty). Nil if no user has the
-- code.
local function open_mailbox()
  local fields = redis.call('HMGET', user, 'last', 'confirmed', 'count', 'total', 'base', 'oldest', 'token', 'guard',
    'epoch', 'eddsa')
  if not fields[10] then return nil end
  return {
    last = fields[1], confirmed = fields[2], count = tonumber(fields[3]), total = tonumber(fields[4]),
    base = tonumber(fields[5]), oldest = tonumber(fields[6]), token = fields[7],
    guard = fields[8] and fields[8] ~= '' and fields[8] or nil, epoch = tonumber(fields[9]),
  }
end

-- Why a session of this epoch does not hold: 'banned'; 'ended', by an operator or by its own release; 'displaced' by a newer
-- claim; or 'forgotten', because the store has gone back to before its claim (a failover, a lost tail): then it may
-- reclaim.
local function loss(box, epoch)
  epoch = tonumber(epoch)
  if box.guard and string.find(box.guard, 'x', 1, true) then return 'banned' end
  if box.epoch == epoch and box.token == '' then return 'ended' end
  return box.epoch < epoch and 'forgotten' or 'displaced'
end

local function field_of(entry, name)
  local fields = entry[2]
  for i = 1, #fields - 1, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
  return nil
end

-- Whether `id` belongs to this history, so that a cursor on it has skipped nothing.
-- Returns 'left' (everything not newer than `confirmed` has left), 'newest', the entry if it waits here, tag included,
-- or nil.
local function find(box, id)
  if id == box.confirmed then return 'left' end
  if id == box.last then return 'newest' end
  local us, tag = string.match(id, '^(%d+)%-(%d+)$')
  if not us or #us > 16 or #tag > 10 then return nil end
  if tonumber(us) < us_of(box.confirmed) then return 'left' end
  return redis.call('XRANGE', inbox, id, id)[1]
end
