-- Senders whom a user does not hear. deliver answers them as if the user were away for ever: accepted until the sender's
-- share is full, and again once those envelopes would have expired. So the hash unheard:{CODE} has, by sender,
-- since:envelopes:bytes:asked: what would wait since then (us), and when the sender left a request (us; 0 never). The
-- field `requests` of the user's hash has <us>:<bytes> of each request that waits, oldest first; they are beside the quota.
-- CONST unheard_max     senders in the hash; beyond, a random one is forgotten, and is new again
-- CONST unheard_ttl_ms  then a stranger may leave another request
-- CONST requests_max    in one mailbox

local function open_requests(box, cut)
  local requests = { count = 0, bytes = 0 }
  for us, bytes in string.gmatch(redis.call('HGET', user, 'requests') or '', '(%d+):(%d+)') do
    us, bytes = tonumber(us), tonumber(bytes)
    if us > us_of(box.confirmed) and us >= cut then
      requests[#requests + 1] = whole(us) .. ':' .. whole(bytes)
      requests.count, requests.bytes = requests.count + 1, requests.bytes + bytes
    end
  end
  return requests
end

-- Nil if nothing is in the way of this sender, and no request waits that is beside the quota. why: see `unheard_as`.
local function open_hearing(box, sender, now)
  local hearing = { why = unheard_as(box.guard, sender) }
  local requests = has(box.guard, 'k') and open_requests(box, now - ttl_us) or nil
  if not hearing.why and not requests then return nil end
  local line = hearing.why and redis.call('HGET', key_of('unheard'), sender)
  local since, count, bytes, asked = string.match(line or '', '^(%d+):(%d+):(%d+):(%d+)$')
  since, count, bytes, asked = tonumber(since or now), tonumber(count or 0), tonumber(bytes or 0), tonumber(asked or 0)
  if now - since > ttl_us then since, count, bytes = now, 0, 0 end
  -- The envelope of this batch that is a request.
  local new = nil

  -- How many requests may wait beside the quota, and their bytes.
  function hearing.room()
    if not requests then return 0, 0 end
    return requests.count, requests.bytes
  end

  -- Whether this envelope is the one request that a stranger may leave; if so, it is counted.
  function hearing.ask(index, kind, size)
    if hearing.why ~= 'stranger' or kind ~= 'k' or requests.count >= requests_max then return false end
    if now - asked <= unheard_ttl_ms * 1000 then return false end
    asked, new = now, index
    requests.count, requests.bytes = requests.count + 1, requests.bytes + size
    return true
  end

  -- 'd' (answered as accepted), or the answer of a full share.
  function hearing.drop(size)
    if count > 0 and (count + 1 > share_envelopes or bytes + size > share_bytes) then
      return share_envelopes < max_envelopes and 'h' or 'f'
    end
    count, bytes = count + 1, bytes + size
    return 'd'
  end

  function hearing.stored(index, id, size)
    if index == new then requests[#requests + 1] = whole(us_of(id)) .. ':' .. size end
  end

  function hearing.write()
    if hearing.why then
      local key = key_of('unheard')
      if not line and redis.call('HLEN', key) >= unheard_max then
        redis.call('HDEL', key, redis.call('HRANDFIELD', key))
      end
      redis.call('HSET', key, sender, table.concat({ whole(since), count, whole(bytes), whole(asked) }, ':'))
      redis.call('PEXPIRE', key, unheard_ttl_ms)
    end
    if new then redis.call('HSET', user, 'requests', table.concat(requests, ' ')) end
  end
  return hearing
end
