-- What of each sender waits in a mailbox, read from its entries, and subtracted from the hash `shares`.

-- What waits up to the id `to` ('+': everything), by sender: {count, bytes} each. Unreadable entries count for no
-- sender.
local function held_by_sender(to)
  -- A page at a time, because entries become Lua values.
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

-- Subtracts the entries that are about to leave, up to `id`: each entry is read once. Returns whether the hash is right.
local function subtract_shares(box, id)
  local all = optional('HGET', shares, 'all')
  if not all then return false end
  if tonumber(all) ~= box.count then
    redis.call('DEL', shares)
    return false
  end
  for sender, gone in pairs(held_by_sender(id)) do
    redis.call('HINCRBY', shares, 'b' .. sender, -gone.bytes)
    if redis.call('HINCRBY', shares, 'n' .. sender, -gone.count) <= 0 then
      redis.call('HDEL', shares, 'n' .. sender, 'b' .. sender)
    end
  end
  return true
end
