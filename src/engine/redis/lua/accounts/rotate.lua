#!lua
-- Replaces the X25519 key that an account is registered with.
--
-- KEYS[1] user:{CODE}  hash
-- ARGV[1] token        32 hex digits
-- ARGV[2] epoch        integer  of the session
-- ARGV[3] ecdh key     64 hex digits
-- ARGV[4] proof R      first half of the proof in hex
-- ARGV[5] proof S      the other half
--
-- returns {'done'} | {'displaced' | 'forgotten' | 'ended' | 'banned' | 'unknown'}
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua

local box = open_mailbox()
if not box then return { 'unknown' } end
if box.token ~= ARGV[1] then return { loss(box, ARGV[2]) } end
redis.call('HSET', user, 'ecdh', ARGV[3], 'proof_r', ARGV[4], 'proof_s', ARGV[5])
return { 'done' }
