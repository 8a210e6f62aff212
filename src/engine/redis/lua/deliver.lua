#!lua
-- Stores a batch of one sending session in one mailbox and wakes who listens: envelopes are decided one by one, in
-- order, and no write comes before the last refusal, because a script is not rolled back. No `allow-oom`: a Redis
-- at its maxmemory refuses the whole script, and nothing has happened.
--
-- KEYS[1] user:{BOB}          hash    the recipient
-- KEYS[2] inbox:{BOB}         stream  the mailbox; also the name of its sharded channel
-- KEYS[3] from:{BOB}:ALICE    string  the order fence: epoch:number:codes of the last batch
-- KEYS[4] seen:{BOB}:0        hash    ids of even periods: sender:id -> digest
-- KEYS[5] seen:{BOB}:1        hash    ids of odd periods
-- KEYS[6] shares:{BOB}        hash    what waits, by sender
-- ARGV[1] sender              code
-- ARGV[2] epoch               of the sender's session
-- ARGV[3] number              of the batch in that session
-- ARGV[4] latest              us, Redis time: later than this the batch is refused whole
-- ARGV[5] tag                 random part of the mailbox ids
-- then for each envelope: frame, id ('' without), digest of its data
--
-- returns one character an envelope: s stored, r repeated, c id conflict, f mailbox full, h the sender's share of it is
--         full, u no such user, x stale;
--         with '+' behind them if ids were forgotten before their time; or 'late'
-- CONST max_envelopes  in the mailbox
-- CONST max_bytes      in the mailbox
-- CONST share_envelopes  of one sender in the mailbox
-- CONST share_bytes      of one sender in the mailbox; one envelope may always wait
-- CONST counted_envelopes  beyond so many in all, what waits is counted by sender
-- CONST counted_bytes    the same for bytes
-- CONST ttl_us         of an envelope
-- CONST fence_ttl_ms
-- CONST period_ms      of one generation of ids
-- CONST max_ids        in one generation
-- include mailbox.lua

local user, inbox, fence_key = KEYS[1], KEYS[2], KEYS[3]
local sender, epoch, number, latest, tag = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local FIRST = 6
local envelopes = (#ARGV - FIRST + 1) / 3

local box = open_mailbox(user, KEYS[6])
if not box then return string.rep('u', envelopes) end

-- A batch that was stuck could come after its fence has expired, and overtake what was sent since.
local now = now_us()
if now > tonumber(latest) then return 'late' end

local fence = redis.call('GET', fence_key)
if fence then
  local fence_epoch, fence_number, answered = string.match(fence, '^(%d+):(%d+):(.*)$')
  local age = tonumber(epoch) - tonumber(fence_epoch)
  if age == 0 then age = tonumber(number) - tonumber(fence_number) end
  -- Equal: the same batch again (its answer was lost), so the same answers. Lower: it comes too late.
  if age == 0 and #answered == envelopes then return answered end
  if age <= 0 then return string.rep('x', envelopes) end
end

expire(box, user, inbox, now - ttl_us)

local period = math.floor(now / 1000 / period_ms)
local seen, seen_before = KEYS[4], KEYS[5]
if period % 2 == 1 then seen, seen_before = KEYS[5], KEYS[4] end

local codes, new_ids, digest_of = {}, {}, {}
local count, bytes = box.count, box.total - box.base

-- What waits of this sender, this batch included; nil while nobody's share can be full. And what waits of everybody,
-- if that had to be counted anew.
local own, everybody
local function count_own()
  local fields = redis.call('HMGET', box.shares, 'all', 'n' .. sender, 'b' .. sender)
  if tonumber(fields[1] or '') == box.count then
    own = { count = tonumber(fields[2] or '0'), bytes = tonumber(fields[3] or '0') }
  else
    everybody = held_by_sender(inbox, '+')
    own = everybody[sender] or { count = 0, bytes = 0 }
    everybody[sender] = own
  end
  own.count = own.count + count - box.count
  own.bytes = own.bytes + bytes - (box.total - box.base)
end
-- Counted before: from now on each batch must be added.
if may_share(box) and redis.call('EXISTS', box.shares) == 1 then count_own() end

for i = 1, envelopes do
  local at = FIRST + (i - 1) * 3
  local size, id, digest = #ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local name, before = sender .. ':' .. id, nil
  if id ~= '' then
    before = digest_of[name] or redis.call('HGET', seen, name) or redis.call('HGET', seen_before, name)
  end
  if before then
    codes[i] = before == digest and 'r' or 'c'
  elseif count + 1 > max_envelopes or bytes + size > max_bytes then
    codes[i] = 'f'
  else
    if not own and (count >= counted_envelopes or bytes + size > counted_bytes) then count_own() end
    if own and own.count > 0 and (own.count + 1 > share_envelopes or own.bytes + size > share_bytes) then
      codes[i] = 'h'
    else
      codes[i] = 's'
      count, bytes = count + 1, bytes + size
      if own then own.count, own.bytes = own.count + 1, own.bytes + size end
      if id ~= '' then
        digest_of[name] = digest
        new_ids[#new_ids + 1] = name
        new_ids[#new_ids + 1] = digest
      end
    end
  end
end
local answer = table.concat(codes)

-- Nothing is refused from here on.
local last_us = us_of(box.last)
local us = math.max(now, last_us + 1)
local total = box.total
for i = 1, envelopes do
  if codes[i] == 's' then
    local frame = ARGV[FIRST + (i - 1) * 3]
    -- max(clock, last + 1): never back over DEL, clock steps and failover.
    local id = whole(us) .. '-' .. tag
    us = us + 1
    total = total + #frame
    redis.call('XADD', inbox, id, 'f', frame, 't', whole(total), 's', sender)
    redis.call('SPUBLISH', inbox, 'w' .. id .. ' ' .. box.last .. '\n' .. frame)
    box.last = id
  end
end

if count > box.count then
  local oldest = box.count == 0 and now or box.oldest
  redis.call('HSET', user, 'last', box.last, 'count', count, 'total', whole(total), 'oldest', whole(oldest))
  -- The stream goes when its last entry has: renewed when it is new and then once in a quarter of the TTL.
  local quarter = ttl_us / 4
  if box.count == 0 or math.floor(last_us / quarter) ~= math.floor(now / quarter) then
    redis.call('PEXPIRE', inbox, whole((ttl_us + quarter) / 1000))
    if own and not everybody then redis.call('PEXPIRE', box.shares, whole((ttl_us + quarter) / 1000)) end
  end
end

-- Also if nothing was stored: who is refused and tries again must not have everything counted again.
if everybody then
  redis.call('DEL', box.shares)
  for name, each in pairs(everybody) do
    redis.call('HSET', box.shares, 'n' .. name, each.count, 'b' .. name, whole(each.bytes))
  end
  redis.call('PEXPIRE', box.shares, whole(ttl_us * 1.25 / 1000))
end
if everybody or own and count > box.count then
  redis.call('HSET', box.shares, 'all', count, 'n' .. sender, own.count, 'b' .. sender, whole(own.bytes))
end

local forgotten = ''
if #new_ids > 0 then
  local known = redis.call('HLEN', seen)
  if known + #new_ids / 2 > max_ids then
    redis.call('RENAME', seen, seen_before)
    -- It will be the current one in the next period, and what is added then must last through another.
    redis.call('PEXPIREAT', seen_before, whole((period + 3) * period_ms))
    known, forgotten = 0, '+'
  end
  redis.call('HSET', seen, unpack(new_ids))
  if known == 0 then redis.call('PEXPIREAT', seen, whole((period + 2) * period_ms)) end
end

redis.call('SET', fence_key, epoch .. ':' .. number .. ':' .. answer, 'PX', fence_ttl_ms)
return answer .. forgotten
