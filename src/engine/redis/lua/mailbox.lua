-- Included by the verbs that touch a mailbox. A mailbox is the stream `inbox` and, in the user's hash,
--   last       the newest id ever given here: ids never go back, also over DEL and clock steps
--   confirmed  the newest id that left at the head, by confirming or by expiry: what is not newer has left
--   count      entries that wait
--   total      running byte total up to `last`
--   base       running byte total up to `confirmed`; total - base bytes wait
--   oldest     us; nothing that waits is older (but the oldest may be younger)
-- Every entry carries the running total up to itself (field t), so that leaving needs no scan, and its sender (field s).
--
-- The hash `shares` says how much of each sender waits: n<sender> entries, b<sender> bytes, and `all` entries counted.
-- It exists only while it can matter: deliver makes it when more waits than one sender may have, what leaves is taken
-- off, and it goes once little is left. Nothing is counted in a mailbox that is nearly empty, as most are. Where `all`
-- is not what waits (the hash was lost, a node of an older version was here), it is counted anew: so no error lasts.
-- CONST kept_envelopes  the hash goes once no more than so many wait
-- CONST kept_bytes      and no more bytes than this

local function us_of(id)
  return tonumber(string.match(id, '^(%d+)%-'))
end

-- Lua's tostring rounds to 14 digits; microseconds have 16.
local function whole(number)
  return string.format('%.0f', number)
end

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- The user's mailbox and the token and epoch of its session, or nil where no user has the code. `shares` is needed by
-- those from whom envelopes may leave.
local function open_mailbox(user, shares)
  local fields =
    redis.call('HMGET', user, 'last', 'confirmed', 'count', 'total', 'base', 'oldest', 'token', 'epoch', 'eddsa')
  if not fields[9] then return nil end
  return {
    last = fields[1], confirmed = fields[2], count = tonumber(fields[3]), total = tonumber(fields[4]),
    base = tonumber(fields[5]), oldest = tonumber(fields[6]), token = fields[7], epoch = tonumber(fields[8]),
    shares = shares,
  }
end

-- Why a session of this epoch does not hold: another has claimed since, or the store has gone back to before its
-- claim (a failover, a lost tail), and then it may reclaim.
local function loss(box, epoch)
  return box.epoch < tonumber(epoch) and 'forgotten' or 'displaced'
end

local function field_of(entry, name)
  local fields = entry[2]
  for i = 1, #fields - 1, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
  return nil
end

-- What waits up to the id `to` ('+': everything), by sender: {count, bytes} each. One that nobody can read counts for
-- nobody.
local function held_by_sender(inbox, to)
  -- Entries are turned into Lua values: a page at a time.
  local held, from, page = {}, '-', 16
  while true do
    local entries = redis.call('XRANGE', inbox, from, to, 'COUNT', page)
    for _, entry in ipairs(entries) do
      local sender, frame = field_of(entry, 's'), field_of(entry, 'f')
      if sender and frame then
        local own = held[sender] or { count = 0, bytes = 0 }
        own.count, own.bytes = own.count + 1, own.bytes + #frame
        held[sender] = own
      end
      from = '(' .. entry[1]
    end
    if #entries < page then return held end
  end
end

-- Whether the hash of shares may exist.
local function may_share(box)
  return box.count > kept_envelopes or box.total - box.base > kept_bytes
end

-- Takes what is about to leave, up to `id`, off the shares of its senders: each entry is looked at once.
local function take_off(box, inbox, id)
  local all = redis.call('HGET', box.shares, 'all')
  if not all then return false end
  if tonumber(all) ~= box.count then
    redis.call('DEL', box.shares)
    return false
  end
  for sender, gone in pairs(held_by_sender(inbox, id)) do
    redis.call('HINCRBY', box.shares, 'b' .. sender, -gone.bytes)
    if redis.call('HINCRBY', box.shares, 'n' .. sender, -gone.count) <= 0 then
      redis.call('HDEL', box.shares, 'n' .. sender, 'b' .. sender)
    end
  end
  return true
end

-- Everything has left. Returns how many entries that were.
local function leave_all(box, user, inbox)
  local left = box.count
  -- An emptied stream still costs memory, and XDEL would free nothing.
  if may_share(box) then redis.call('DEL', inbox, box.shares) else redis.call('DEL', inbox) end
  box.confirmed, box.count, box.total, box.base = box.last, 0, 0, 0
  redis.call('HSET', user, 'confirmed', box.last, 'count', 0, 'total', 0, 'base', 0)
  return left
end

-- Everything up to and including `entry` has left. Returns how many entries that were.
local function leave(box, user, inbox, entry)
  local id = entry[1]
  if id == box.last then return leave_all(box, user, inbox) end
  -- MINID keeps the id that it names, so the next one is named; `~` would trim nothing of a short stream.
  local oldest = us_of(id) + 1
  local shared = may_share(box) and take_off(box, inbox, id)
  local left = redis.call('XTRIM', inbox, 'MINID', whole(oldest) .. '-0')
  -- Counted anew: what a stranger has written into the stream was never counted.
  local count = redis.call('XLEN', inbox)
  if count == 0 then
    leave_all(box, user, inbox)
    return left
  end
  box.confirmed, box.oldest, box.count = id, oldest, count
  box.base = tonumber(field_of(entry, 't')) or box.base
  if shared then
    if may_share(box) then redis.call('HSET', box.shares, 'all', count) else redis.call('DEL', box.shares) end
  end
  redis.call('HSET', user, 'confirmed', id, 'count', box.count, 'base', whole(box.base), 'oldest', whole(oldest))
  return left
end

-- Lets leave what was stored before `cut` (us), and counts it for the next claim.
local function expire(box, user, inbox, cut)
  if box.count == 0 or box.oldest >= cut then return end
  local newest = redis.call('XREVRANGE', inbox, whole(cut - 1), '-', 'COUNT', 1)[1]
  if newest then
    redis.call('HINCRBY', user, 'expired', leave(box, user, inbox, newest))
  elseif redis.call('EXISTS', inbox) == 1 then
    redis.call('HSET', user, 'oldest', whole(cut))
  else
    -- The whole stream has outlived its own TTL.
    redis.call('HINCRBY', user, 'expired', leave_all(box, user, inbox))
  end
end

-- Whether this history knows `id`, so that nothing can have been skipped by standing behind it.
-- Returns 'left' (what is not newer than `confirmed` has left), 'newest', the entry if it waits here, tag and all,
-- or nil.
local function find(box, inbox, id)
  if id == box.confirmed then return 'left' end
  if id == box.last then return 'newest' end
  local us, tag = string.match(id, '^(%d+)%-(%d+)$')
  if not us or #us > 16 or #tag > 10 then return nil end
  if tonumber(us) < us_of(box.confirmed) then return 'left' end
  return redis.call('XRANGE', inbox, id, id)[1]
end
