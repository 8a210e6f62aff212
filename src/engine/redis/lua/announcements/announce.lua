-- Notes that a user is away while something waits, for any node to announce it: see engine/announcements.ts.
--   announced   in the user's hash: the epoch of the login since which the user was noted
--   away:{tag}  zset  CODE -> when to take it, ms. One per slot of a Cluster, so that it lies beside the user
--   away:{tag}:push  zset  the same, of users who have subscriptions: each is announced by a way of its own
-- CONST announce_after_ms  0: nothing is announced
-- CONST announce_hooks     1: by the webhook
-- CONST announce_pushes    1: by Web Push
-- CONST announce_ttl_ms    what waits has expired by then

-- Returns '!' if the user is noted now; '' if it was since the last login; '?' if that cannot be, because the slot is
-- moving and the zset is not here (any more): the caller tries again.
local function announce(away, now)
  local fields = redis.call('HMGET', user, 'announced', 'epoch')
  if fields[1] == fields[2] then return '' end
  local code, due = string.sub(slot_tag, 2, -2), whole(now / 1000 + announce_after_ms)
  local function note(zset)
    if not optional('ZADD', zset, due, code) then return false end
    redis.call('PEXPIRE', zset, announce_ttl_ms)
    return true
  end
  -- Nil while the slot is moving: perhaps there are subscriptions.
  if announce_pushes == 1 and optional('EXISTS', key_of('push')) ~= 0 and not note(away .. ':push') then return '?' end
  if announce_hooks == 1 and not note(away) then return '?' end
  redis.call('HSET', user, 'announced', fields[2])
  return '!'
end
