-- Entries of a mailbox.

local function field_of(entry, name)
  local fields = entry[2]
  for i = 1, #fields - 1, 2 do
    if fields[i] == name then return fields[i + 1] end
  end
  return nil
end

-- Whether `id` belongs to this history, so that a cursor on it has skipped nothing.
-- Returns 'left' (everything not newer than `confirmed` has left), 'newest', the entry if it waits here, tag included,
-- or nil.
local function find(box, id)
  if id == box.confirmed then return 'left' end
  if id == box.last then return 'newest' end
  local us, tag = string.match(id, '^(%d+)%-(%d+)$')
  if not us or #us > 16 or #tag > 10 then return nil end
  if tonumber(us) < us_of(box.confirmed) then return 'left' end
  return redis.call('XRANGE', inbox, id, id)[1]
end
