-- The quota of a mailbox and the share of one sender in it, while a batch is decided and nothing is written yet.
-- CONST max_envelopes      in the mailbox
-- CONST max_bytes          in the mailbox
-- CONST share_envelopes    of one sender in the mailbox
-- CONST share_bytes        of one sender in the mailbox; one envelope may always wait
-- CONST counted_envelopes  beyond this many entries, entries are counted by sender
-- CONST counted_bytes      the same for bytes

-- count, bytes: of the mailbox, this batch included. own: of this sender, this batch included; nil while no share can be
-- full. everybody: of all senders, if they had to be counted again. room: what the mailbox may hold with the requests
-- that are beside its quota.
local function open_quota(box)
  return { count = box.count, bytes = box.total - box.base, own = nil, everybody = nil,
    room_count = max_envelopes, room_bytes = max_bytes }
end

local function make_room(quota, requests)
  quota.room_count, quota.room_bytes = max_envelopes + requests.count, max_bytes + requests.bytes
end

local function count_own(quota, box, sender)
  local fields = optional('HMGET', shares, 'all', 'n' .. sender, 'b' .. sender)
  local own
  if fields and tonumber(fields[1] or '') == box.count then
    own = { count = tonumber(fields[2] or '0'), bytes = tonumber(fields[3] or '0') }
  else
    quota.everybody = held_by_sender('+')
    own = quota.everybody[sender] or { count = 0, bytes = 0 }
    quota.everybody[sender] = own
  end
  own.count = own.count + quota.count - box.count
  own.bytes = own.bytes + quota.bytes - (box.total - box.base)
  quota.own = own
end

local function mailbox_is_full(quota, size)
  return quota.count + 1 > quota.room_count or quota.bytes + size > quota.room_bytes
end

local function share_is_full(quota, box, sender, size)
  if not quota.own and (quota.count >= counted_envelopes or quota.bytes + size > counted_bytes) then
    count_own(quota, box, sender)
  end
  local own = quota.own
  return own and own.count > 0 and (own.count + 1 > share_envelopes or own.bytes + size > share_bytes)
end

local function add_to_quota(quota, size)
  quota.count, quota.bytes = quota.count + 1, quota.bytes + size
  local own = quota.own
  if own then own.count, own.bytes = own.count + 1, own.bytes + size end
end

-- Also if nothing was stored: after a refusal, the next try must not count everything again.
local function write_shares(quota, box, sender, ttl_ms)
  local own, everybody = quota.own, quota.everybody
  if everybody then
    optional('DEL', shares)
    if slot_is_leaving() then return end
    for name, each in pairs(everybody) do
      redis.call('HSET', shares, 'n' .. name, each.count, 'b' .. name, whole(each.bytes))
    end
    redis.call('PEXPIRE', shares, whole(ttl_ms))
  end
  if everybody or own and quota.count > box.count then
    redis.call('HSET', shares, 'all', quota.count, 'n' .. sender, own.count, 'b' .. sender, whole(own.bytes))
  end
end
