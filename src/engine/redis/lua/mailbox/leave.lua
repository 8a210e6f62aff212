-- Entries leave a mailbox at its head: by a confirm, or by expiry.

-- All entries leave. Returns how many.
local function leave_all(box)
  local left = box.count
  -- An emptied stream still costs memory, and XDEL would free nothing.
  redis.call('DEL', inbox)
  if may_share(box) then optional('DEL', shares) end
  box.confirmed, box.count, box.total, box.base = box.last, 0, 0, 0
  redis.call('HSET', user, 'confirmed', box.last, 'count', 0, 'total', 0, 'base', 0)
  return left
end

-- All entries up to and including `entry` leave. Returns how many.
local function leave(box, entry)
  local id = entry[1]
  if id == box.last then return leave_all(box) end
  -- MINID keeps the id that it names, so name the next one; `~` would trim nothing of a short stream.
  local oldest = us_of(id) + 1
  local shared = false
  if may_share(box) then
    -- include mailbox/held.lua
    shared = subtract_shares(box, id)
  end
  local left = redis.call('XTRIM', inbox, 'MINID', whole(oldest) .. '-0')
  -- Counted again: entries that another program has written were never counted.
  local count = redis.call('XLEN', inbox)
  if count == 0 then
    leave_all(box)
    return left
  end
  box.confirmed, box.oldest, box.count = id, oldest, count
  local total = tonumber(field_of(entry, 't'))
  if total then
    -- The field `aside` has <us>,<last us>,<bytes> of each entry that became a dead letter: the totals of the entries
    -- behind it, up to the last that there was, still count its bytes.
    for from, to, bytes in string.gmatch(redis.call('HGET', user, 'aside') or '', '(%d+),(%d+),(%d+)') do
      if tonumber(from) < us_of(id) and us_of(id) <= tonumber(to) then total = total - tonumber(bytes) end
    end
    box.base = total
  end
  if shared then
    if may_share(box) then redis.call('HSET', shares, 'all', count) else redis.call('DEL', shares) end
  end
  redis.call('HSET', user, 'confirmed', id, 'count', box.count, 'base', whole(box.base), 'oldest', whole(oldest))
  return left
end

-- Removes entries stored before `cut` (us), and counts them for the next claim.
local function expire(box, cut)
  if box.count == 0 or box.oldest >= cut then return end
  local newest = redis.call('XREVRANGE', inbox, whole(cut - 1), '-', 'COUNT', 1)[1]
  if newest then
    redis.call('HINCRBY', user, 'expired', leave(box, newest))
  elseif redis.call('EXISTS', inbox) == 1 then
    redis.call('HSET', user, 'oldest', whole(cut))
  else
    -- The whole stream has outlived its own TTL.
    redis.call('HINCRBY', user, 'expired', leave_all(box))
  end
end
