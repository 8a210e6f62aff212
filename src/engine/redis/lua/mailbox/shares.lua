-- How much of each sender waits in a mailbox: the hash `shares` with n<sender> entries, b<sender> bytes, and `all`
-- entries counted. It exists only while it can matter: deliver creates it when more waits than the share of one sender,
-- entries that leave are subtracted, and it is deleted once little is left; in most mailboxes nothing is counted. If
-- `all` is not what waits (the hash was lost, a node of an older version wrote here), deliver counts again, so no error
-- lasts.
-- CONST kept_envelopes  the hash is deleted when no more entries than this wait
-- CONST kept_bytes      and no more bytes than this

-- Whether the hash may exist.
local function may_share(box)
  return box.count > kept_envelopes or box.total - box.base > kept_bytes
end
