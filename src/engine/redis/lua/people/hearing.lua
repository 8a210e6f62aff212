-- Senders whom a user does not hear. deliver answers them as if the user were away for ever: accepted until the sender's
-- share is full, and again once those envelopes would have expired. So the hash unheard:{CODE} has, by sender,
-- since:envelopes:bytes:asked: what would wait since then (us), and when the sender left a request (us; 0 never). The
-- field `requests` of the user's hash has <us>:<bytes> of each request that waits, oldest first; they are beside the quota.
-- CONST unheard_max     senders in the hash; beyond, a random one is forgotten, and is new again
-- CONST unheard_ttl_ms  then a stranger may leave another request
-- CONST requests_max    in one mailbox

local function open_requests(box, cut)
  local requests = { count = 0, bytes = 0, new = nil }
  for us, bytes in string.gmatch(redis.call('HGET', user, 'requests') or '', '(%d+):(%d+)') do
    us, bytes = tonumber(us), tonumber(bytes)
    if us > us_of(box.confirmed) and us >= cut then
      requests[#requests + 1] = whole(us) .. ':' .. whole(bytes)
      requests.count, requests.bytes = requests.count + 1, requests.bytes + bytes
    end
  end
  return requests
end

-- Nil if nothing is in the way of this sender, and no request waits that is beside the quota.
local function open_hearing(box, sender, now)
  if not box.guard then return nil end
  local hearing = { why = unheard_as(box.guard, sender), now = now }
  if has(box.guard, 'k') then hearing.requests = open_requests(box, now - ttl_us) end
  if not hearing.why then return hearing.requests and hearing end
  local line = redis.call('HGET', key_of('unheard'), sender)
  local since, count, bytes, asked = string.match(line or '', '^(%d+):(%d+):(%d+):(%d+)$')
  hearing.known = line ~= false
  hearing.since, hearing.count, hearing.bytes = tonumber(since or now), tonumber(count or 0), tonumber(bytes or 0)
  hearing.asked = tonumber(asked or 0)
  if now - hearing.since > ttl_us then hearing.since, hearing.count, hearing.bytes = now, 0, 0 end
  return hearing
end

-- Whether this envelope is the one request that a stranger may leave; if so, it is counted.
local function ask(hearing, index, kind, size)
  local requests = hearing.requests
  if hearing.why ~= 'stranger' or kind ~= 'k' or requests.count >= requests_max then return false end
  if hearing.now - hearing.asked <= unheard_ttl_ms * 1000 then return false end
  hearing.asked = hearing.now
  requests.count, requests.bytes = requests.count + 1, requests.bytes + size
  requests.new = index
  return true
end

-- 'd' (answered as accepted), or the answer of a full share.
local function drop(hearing, size)
  if hearing.count > 0 and (hearing.count + 1 > share_envelopes or hearing.bytes + size > share_bytes) then
    return share_envelopes < max_envelopes and 'h' or 'f'
  end
  hearing.count, hearing.bytes = hearing.count + 1, hearing.bytes + size
  return 'd'
end

-- `ids` and `frames` of the batch: the request is found by its index.
local function write_hearing(hearing, sender, ids, frames)
  if hearing.why then
    local key = key_of('unheard')
    if not hearing.known and redis.call('HLEN', key) >= unheard_max then
      redis.call('HDEL', key, redis.call('HRANDFIELD', key))
    end
    redis.call('HSET', key, sender, table.concat({
      whole(hearing.since), hearing.count, whole(hearing.bytes), whole(hearing.asked) }, ':'))
    redis.call('PEXPIRE', key, unheard_ttl_ms)
  end
  local requests = hearing.requests
  if requests and requests.new then
    requests[#requests + 1] = whole(us_of(ids[requests.new])) .. ':' .. #frames[requests.new]
    redis.call('HSET', user, 'requests', table.concat(requests, ' '))
  end
end
