-- Prekeys of a user (docs/protocol.md 4): the field `prekeys` of the user's hash is
-- <generation>:<keys in the batch>:<given>:<history>; absent before the first batch.
--   prekeys:{CODE}  string  the batch: see prekeys/batch.ts
--   claims:{CODE}   hash    claimer -> <us>:<generation>:<index>:<id>: who got which key within a day

local function prekeys_of(field)
  local generation, count, given, history = string.match(field or '', '^(%d+):(%d+):(%d+):(%w*)$')
  if not generation then return nil end
  return { generation = tonumber(generation), count = tonumber(count), given = tonumber(given), history = history }
end

-- Claims may have been lost with another history: of a batch from there no key is given any more.
local function prekeys_left(prekeys)
  if not prekeys or prekeys.history ~= history_now() then return 0 end
  return prekeys.count - prekeys.given
end

local function write_prekeys(prekeys)
  redis.call('HSET', user, 'prekeys', table.concat({
    whole(prekeys.generation), prekeys.count, prekeys.given, prekeys.history }, ':'))
end
