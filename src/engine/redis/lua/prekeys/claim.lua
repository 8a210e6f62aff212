#!lua
-- Gives a prekey of a user to another, and remembers it: popped and noted in one step, so that an answer that is lost can be
-- given again and no key is given twice.
--
-- KEYS[1] user:{CODE}  hash     whose keys
-- ARGV[1] claimer      code     for whom
-- ARGV[2] id           string   the claimer's name for this claim
--
-- returns {'claimed', generation, batch, index (-1: only the key of last resort)} | {'none'} | {'unknown'}
-- CONST prekey_claim_ms   within this time a claimer gets one key
-- CONST prekey_claims_max claims that are remembered
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include people/guard.lua
-- include sessions/history.lua
-- include prekeys/state.lua

local claimer, id = ARGV[1], ARGV[2]

local box = open_mailbox()
local now = now_us()
if not box or banned_until(box.guard, now) then return { 'unknown' } end
local prekeys = prekeys_of(redis.call('HGET', user, 'prekeys'))
if not prekeys then return { 'none' } end
local batch = redis.call('GET', key_of('prekeys'))
if not batch then return { 'none' } end

local claims = key_of('claims')
local function claim_of(line)
  local us, generation, index, named = string.match(line or '', '^(%d+):(%d+):(%d+):(.*)$')
  if not us or now - tonumber(us) >= prekey_claim_ms * 1000 then return nil end
  return { generation = tonumber(generation), index = tonumber(index), id = named }
end

local function answer(index)
  return { 'claimed', whole(prekeys.generation), batch, index }
end

local before = claim_of(redis.call('HGET', claims, claimer))
if before then
  return answer(before.id == id and before.generation == prekeys.generation and before.index or -1)
end
if prekeys_left(prekeys) <= 0 then return answer(-1) end
if redis.call('HLEN', claims) >= prekey_claims_max then
  for _, code in ipairs(redis.call('HKEYS', claims)) do
    if not claim_of(redis.call('HGET', claims, code)) then redis.call('HDEL', claims, code) end
  end
  if redis.call('HLEN', claims) >= prekey_claims_max then return answer(-1) end
end
local index = prekeys.given
redis.call('HSET', claims, claimer, table.concat({ whole(now), whole(prekeys.generation), index, id }, ':'))
redis.call('PEXPIRE', claims, prekey_claim_ms)
prekeys.given = index + 1
write_prekeys(prekeys)
return answer(index)
