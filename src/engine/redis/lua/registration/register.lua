#!lua flags=allow-oom
-- Registers a pair of keys with the account of its Ed25519 key: completes an account that was just created, answers a
-- repetition, claims or replaces by proof. allow-oom: `create` has made the room, or refused.
--
-- KEYS[1] user:{CODE}    hash
-- ARGV[1] eddsa key      64 hex digits
-- ARGV[2] ecdh key       64 hex digits
-- ARGV[3] name           string; '' for none
-- ARGV[4] unclaimed ttl  ms
-- ARGV[5] proof R        first half of the proof in hex, '' for none: at most 64 bytes keep the hash compact
-- ARGV[6] proof S        the other half
--
-- returns {'other'} (the account of this code has another key), {'claimed'}, {'unproven'},
--      or {'existing' | 'replaced', claimed, settled, id, name, ecdh key, created us, proof R, proof S}

local user = KEYS[1]
local fields = redis.call('HMGET', user, 'eddsa', 'ecdh', 'claimed', 'pending', 'settled', 'id', 'name', 'created',
  'proof_r', 'proof_s')
local eddsa, ecdh, claimed, pending = fields[1], fields[2], fields[3], fields[4]
local settled, id, name, created = fields[5], fields[6], fields[7], fields[8]
local proof_r, proof_s = fields[9], fields[10]
local proven = ARGV[5] ~= ''
if eddsa ~= ARGV[1] then return { 'other' } end

local outcome = 'existing'
if ecdh ~= ARGV[2] then
  if claimed == '1' then return { 'claimed' } end
  if not proven then return { 'unproven' } end
  -- The proof shows the owner of the key: a squatter loses the account; its code and id stay.
  outcome, ecdh, name = 'replaced', ARGV[2], ARGV[3]
  proof_r = false
  redis.call('HSET', user, 'ecdh', ecdh, 'name', name)
end
if proven and not proof_r then
  proof_r, proof_s = ARGV[5], ARGV[6]
  redis.call('HSET', user, 'proof_r', proof_r, 'proof_s', proof_s)
end
if proven and claimed ~= '1' then
  claimed = '1'
  redis.call('HSET', user, 'claimed', '1')
end
if pending == '1' then
  redis.call('HSET', user, 'pending', '0')
  redis.call('PEXPIRE', user, ARGV[4])
end
if claimed == '1' then redis.call('PERSIST', user) end
return { outcome, claimed, settled, id, name, ecdh, created, proof_r, proof_s }
