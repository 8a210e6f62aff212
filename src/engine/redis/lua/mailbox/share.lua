-- The share of one sender in a mailbox, while a batch is decided and nothing is written yet. Most mailboxes hold too little
-- for a share to matter.
-- CONST share_envelopes    of one sender in the mailbox
-- CONST share_bytes        of one sender in the mailbox; one envelope may always wait
-- CONST counted_envelopes  beyond this many entries, entries are counted by sender
-- CONST counted_bytes      the same for bytes

-- count, bytes: what waits of this sender, with `added` and `added_bytes`, what this batch has added so far. everybody: what
-- waits of all senders, if they had to be counted again.
local function open_share(box, sender, added, added_bytes)
  -- include mailbox/entries.lua
  -- include mailbox/held.lua
  local share = { everybody = nil }
  local fields = optional('HMGET', shares, 'all', 'n' .. sender, 'b' .. sender)
  if fields and tonumber(fields[1] or '') == box.count then
    share.count, share.bytes = tonumber(fields[2] or '0'), tonumber(fields[3] or '0')
  else
    share.everybody = held_by_sender('+')
    local own = share.everybody[sender] or { count = 0, bytes = 0 }
    share.count, share.bytes = own.count, own.bytes
  end
  share.count, share.bytes = share.count + added, share.bytes + added_bytes

  function share.is_full(size)
    return share.count > 0 and (share.count + 1 > share_envelopes or share.bytes + size > share_bytes)
  end

  function share.add(size)
    share.count, share.bytes = share.count + 1, share.bytes + size
  end

  -- Also if nothing was stored: after a refusal, the next try must not count everything again.
  function share.write(count, ttl_ms)
    local everybody = share.everybody
    if everybody then
      optional('DEL', shares)
      if slot_is_leaving() then return end
      for name, each in pairs(everybody) do
        redis.call('HSET', shares, 'n' .. name, each.count, 'b' .. name, whole(each.bytes))
      end
    end
    if everybody or count > box.count then
      redis.call('HSET', shares, 'all', count, 'n' .. sender, share.count, 'b' .. sender, whole(share.bytes))
    end
    if everybody then redis.call('PEXPIRE', shares, whole(ttl_ms)) end
  end
  return share
end
