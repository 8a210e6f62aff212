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
-- ARGV[1] sender              code
-- ARGV[2] epoch               of the sender's session
-- ARGV[3] number              of the batch in that session
-- ARGV[4] latest              us, Redis time: later than this the batch is refused whole
-- ARGV[5] tag                 random part of the mailbox ids
-- then for each envelope: frame, id ('' without), digest of its data
--
-- returns one character an envelope: s stored, r repeated, c id conflict, f mailbox full, u no such user, x stale;
--         with '+' behind them if ids were forgotten before their time; or 'late'
-- CONST max_envelopes  in the mailbox
-- CONST max_bytes      in the mailbox
-- CONST ttl_us         of an envelope
-- CONST fence_ttl_ms
-- CONST period_ms      of one generation of ids
-- CONST max_ids        in one generation
-- include mailbox.lua

local user, inbox, fence_key = KEYS[1], KEYS[2], KEYS[3]
local sender, epoch, number, latest, tag = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local FIRST = 6
local envelopes = (#ARGV - FIRST + 1) / 3

local box = open_mailbox(user)
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
    codes[i] = 's'
    count, bytes = count + 1, bytes + size
    if id ~= '' then
      digest_of[name] = digest
      new_ids[#new_ids + 1] = name
      new_ids[#new_ids + 1] = digest
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
    redis.call('XADD', inbox, id, 'f', frame, 't', whole(total))
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
  end
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
