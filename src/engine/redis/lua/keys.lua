-- The keys of a user beside user:{CODE}, in the same slot. Only user:{CODE} is declared: while its slot is moving, Redis
-- refuses a script with a declared key that does not exist, and most of these usually do not.
--
-- While the slot is moving, a command on a missing key is an error ("non local key"), because the key may have moved
-- already. The node then tries again. So a script must access every key that it writes before its first write.

local user = KEYS[1]
local slot_tag = string.match(user, '{.+}')

local function key_of(name)
  return name .. ':' .. slot_tag
end

local inbox, shares = key_of('inbox'), key_of('shares')

-- For a key without which a script can do: nil instead of that error.
local function optional(...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if string.find(reply.err, 'non local key', 1, true) then return nil end
  error(reply)
end

-- Whether the slot is leaving this server, so that a key that is deleted cannot be created again. Found by a key that
-- never exists.
local function slot_is_leaving()
  return optional('EXISTS', key_of('seen') .. ':2') == nil
end
