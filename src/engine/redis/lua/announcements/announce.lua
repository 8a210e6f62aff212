-- Notes that a user is away while something waits, for any node to announce it: see engine/announcements.ts.
--   announced   in the user's hash: the epoch of the login since which the user was noted
--   away:{tag}  zset  CODE -> when to take it, ms. One per slot of a Cluster, so that it lies beside the user
-- CONST announce_after_ms  0: nothing is announced
-- CONST announce_ttl_ms    what waits has expired by then

-- Returns '!' if the user is noted now; '' if it was since the last login; '?' if that cannot be, because the slot is
-- moving and the zset is not here (any more): the caller tries again.
local function announce(away, epoch, now)
  if redis.call('HGET', user, 'announced') == whole(epoch) then return '' end
  local code = string.sub(slot_tag, 2, -2)
  if not optional('ZADD', away, whole(now / 1000 + announce_after_ms), code) then return '?' end
  redis.call('PEXPIRE', away, announce_ttl_ms)
  redis.call('HSET', user, 'announced', whole(epoch))
  return '!'
end
