-- Envelopes enter a mailbox at its tail.

-- Appends the frames with the code 's', and publishes each as a wake-up. Returns the ids, by index. box.listeners: how many
-- heard the last; never evidence of delivery, but 0 is a hint that no node listens.
local function append(box, batch, codes, now)
  local ids = {}
  -- max(clock, last + 1): ids never go back, over DEL, clock steps and failover.
  local us = math.max(now, us_of(box.last) + 1)
  for i, frame in ipairs(batch.frames) do
    if codes[i] == 's' then
      local id = whole(us) .. '-' .. batch.tag
      us = us + 1
      box.total = box.total + #frame
      redis.call('XADD', inbox, id, 'f', frame, 't', whole(box.total), 's', batch.sender)
      box.listeners = redis.call('SPUBLISH', inbox, 'w' .. id .. ' ' .. box.last .. '\n' .. frame)
      box.last, ids[i] = id, id
    end
  end
  return ids
end

-- Whether the stream's TTL is to be renewed: when the stream is new, and then once per quarter of the TTL.
local function ttl_is_due(box, last_us, now, ttl)
  local quarter = ttl / 4
  return box.count == 0 or math.floor(last_us / quarter) ~= math.floor(now / quarter)
end
