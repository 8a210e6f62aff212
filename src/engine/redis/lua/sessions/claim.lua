#!lua flags=allow-oom
-- Makes a token the valid session of a user, and publishes that on the mailbox channel. allow-oom: a full Redis must let
-- recipients in, because they empty it.
--
-- KEYS[1] user:{CODE}    hash
-- ARGV[1] token          32 hex digits  of the new session
-- ARGV[2] node           string         the node with the socket
-- ARGV[3] protocol       1 | 2
-- ARGV[4] earliest       us, Redis time
-- ARGV[5] latest         us, Redis time: a claim that was stuck must not displace later ones
-- ARGV[6] ttl            us, of an envelope
--
-- returns {'unknown' | 'protocol' | 'late', now us}, or {'banned', now us, until us (0: for ever)}, or {'claimed', now us,
--         epoch, entries waiting, last id, entries expired, '1' if the account is settled, eddsa, guard,
--         what `release` noted of an entry that waits or '', the field `prekeys` or '', history}
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/shares.lua
-- include mailbox/entries.lua
-- include mailbox/leave.lua
-- include people/guard.lua
-- include sessions/history.lua

local token, node, protocol = ARGV[1], ARGV[2], ARGV[3]
local earliest, latest, ttl = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local now = now_us()
local box = open_mailbox()
if not box then return { 'unknown', now } end
if now < earliest or now > latest then return { 'late', now } end
local till = banned_until(box.guard, now)
if till then return { 'banned', now, whole(till) } end

expire(box, now - ttl)
local fields =
  redis.call('HMGET', user, 'epoch', 'claimed', 'min_protocol', 'expired', 'settled', 'eddsa', 'unconfirmed',
    'prekeys')
if protocol == '1' and fields[3] == '2' then return { 'protocol', now } end

local unconfirmed = fields[7] or ''
local id = string.match(unconfirmed, '^%S+')
local waits = id and box.count > 0 and optional('XRANGE', inbox, id, id)
if not (waits and waits[1]) then unconfirmed = '' end

if has(box.guard, 'x') then
  box.guard = without(box.guard, 'x')
  redis.call('HSET', user, 'guard', box.guard)
end
-- Milliseconds, so that the epoch also exceeds that of a claim that a failover has lost.
local history = history_now()
local epoch = math.max(tonumber(fields[1]) + 1, math.floor(now / 1000))
redis.call('HSET', user, 'epoch', whole(epoch), 'token', token, 'node', node, 'claimed', '1',
  'min_protocol', protocol, 'expired', '0', 'history', history)
if fields[2] ~= '1' then redis.call('PERSIST', user) end
redis.call('SPUBLISH', inbox, 'c' .. token)
return { 'claimed', now, epoch, box.count, box.last, tonumber(fields[4]), fields[5], fields[6],
  box.guard or '', unconfirmed, fields[8] or '', history }
