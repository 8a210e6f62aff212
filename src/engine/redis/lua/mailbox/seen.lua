-- The ids of envelopes stored in one mailbox: two hashes <sender>:<id> -> digest, each filled for one period.
-- CONST period_ms  of one generation of ids
-- CONST max_ids    in one generation

-- new: the names and digests of this batch, in turns.
local function open_seen(now)
  local period = math.floor(now / 1000 / period_ms)
  local even, odd = key_of('seen') .. ':0', key_of('seen') .. ':1'
  if period % 2 == 1 then even, odd = odd, even end
  return { period = period, current = even, previous = odd, new = {} }
end

-- The digest that was stored with this name; nil or false for a new one.
local function digest_of(seen, name)
  for i = 1, #seen.new, 2 do
    if seen.new[i] == name then return seen.new[i + 1] end
  end
  return redis.call('HGET', seen.current, name) or redis.call('HGET', seen.previous, name)
end

-- Returns '+' if ids were forgotten before their time, otherwise ''.
local function write_seen(seen)
  if #seen.new == 0 then return '' end
  local known, forgotten = redis.call('HLEN', seen.current), ''
  local full = known + #seen.new / 2 > max_ids
  -- While the slot is moving RENAME may be refused, and the hash grows beyond its bound meanwhile.
  if full and not slot_is_leaving() and not redis.pcall('RENAME', seen.current, seen.previous).err then
    -- It becomes the current one in the next period, and ids that are added then must last for another.
    redis.call('PEXPIREAT', seen.previous, whole((seen.period + 3) * period_ms))
    known, forgotten = 0, '+'
  end
  redis.call('HSET', seen.current, unpack(seen.new))
  if known == 0 then redis.call('PEXPIREAT', seen.current, whole((seen.period + 2) * period_ms)) end
  return forgotten
end
