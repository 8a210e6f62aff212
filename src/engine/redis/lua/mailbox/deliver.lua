#!lua
-- Stores a batch of one sending session in one mailbox and wakes the recipient's node. Envelopes are decided one by one,
-- in order, and no write comes before the last refusal, because a script is not rolled back. No `allow-oom`: a Redis at
-- its maxmemory refuses the whole script, and nothing has happened.
--
-- KEYS[1] user:{BOB}  hash     the recipient
-- ARGV[1] sender      code
-- ARGV[2] epoch       integer  of the sender's session
-- ARGV[3] number      integer  of the batch in that session
-- ARGV[4] latest      us, Redis time: a batch that comes later is refused
-- ARGV[5] tag         integer  random part of the mailbox ids
-- ARGV[6] kinds       string   one character per envelope: k a request (a key_exchange), - any other
-- ARGV[7] away        string   the name of the zset of users to announce
-- then for each envelope: frame, id ('' without), digest of its data
--
-- returns 'late', or one character per envelope: s stored, r repeated, c id conflict, f mailbox full, h share full,
--         u no such user, x stale, d dropped, because the recipient does not hear the sender; and '+' behind them if
--         ids were forgotten before their time, and then what announce.lua returns
--
-- This script is most of what Redis does, and to define a function costs as much as a tenth of a command: what few calls
-- need is included where it is needed.
-- CONST ttl_us             of an envelope
-- CONST max_envelopes      in the mailbox
-- CONST max_bytes          in the mailbox
-- CONST announce_after_ms  0: nothing is announced
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/shares.lua
-- include mailbox/share.lua
-- include mailbox/fence.lua
-- include mailbox/seen.lua

local sender, epoch, number, latest, tag, kinds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local fence = key_of('from') .. ':' .. sender
local FIRST = 8
local envelopes = (#ARGV - FIRST + 1) / 3

local box = open_mailbox()
if not box then return string.rep('u', envelopes) end

-- A batch that was stuck could come after its fence has expired, and overtake envelopes sent since.
local now = now_us()
if now > tonumber(latest) then return 'late' end

-- Requests wait beside the quota.
local hearing, requests, request_bytes = nil, 0, 0
if box.guard then
  -- include people/guard.lua
  -- include people/hearing.lua
  if banned_until(box.guard, now) then return string.rep('u', envelopes) end
  hearing = open_hearing(box, sender, now)
  if hearing then requests, request_bytes = hearing.room() end
end

local answered = fenced_codes(fence, epoch, number, envelopes)
if answered then return answered end

if box.count > 0 and box.oldest < now - ttl_us then
  -- include mailbox/entries.lua
  -- include mailbox/leave.lua
  expire(box, now - ttl_us)
end

local seen = open_seen(now)
-- Of the mailbox, with this batch.
local count, bytes = box.count, box.total - box.base
local share = nil
-- Counted before: from now on each batch must be added.
if may_share(box) and optional('EXISTS', shares) == 1 then share = open_share(box, sender, 0, 0) end

local codes = {}
for i = 1, envelopes do
  local at = FIRST + (i - 1) * 3
  local size, id, digest = #ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local name = sender .. ':' .. id
  local before = id ~= '' and digest_of(seen, name)
  local code = 's'
  if before then
    code = before == digest and 'r' or 'c'
  elseif hearing and hearing.ask(i, string.sub(kinds, i, i), size) then
    requests, request_bytes = hearing.room()
  elseif count + 1 > max_envelopes + requests or bytes + size > max_bytes + request_bytes then
    code = 'f'
  elseif hearing and hearing.why then
    code = hearing.drop(size)
  else
    if not share and (count >= counted_envelopes or bytes + size > counted_bytes) then
      share = open_share(box, sender, count - box.count, bytes - box.total + box.base)
    end
    if share and share.is_full(size) then code = 'h' end
  end
  if code == 's' then
    count, bytes = count + 1, bytes + size
    if share then share.add(size) end
  end
  if id ~= '' and (code == 's' or code == 'd') then
    seen.new[#seen.new + 1] = name
    seen.new[#seen.new + 1] = digest
  end
  codes[i] = code
end

-- Nothing is refused from here on.
local noted, stream_ttl_ms = '', ttl_us * 1.25 / 1000
if count > box.count then
  local last, total, listeners = box.last, box.total, 0
  -- max(clock, last + 1): ids never go back, over DEL, clock steps and failover.
  local us = math.max(now, us_of(last) + 1)
  for i = 1, envelopes do
    if codes[i] == 's' then
      local frame, id = ARGV[FIRST + (i - 1) * 3], whole(us) .. '-' .. tag
      us = us + 1
      total = total + #frame
      redis.call('XADD', inbox, id, 'f', frame, 't', whole(total), 's', sender)
      -- How many heard it is never evidence of delivery, but 0 is a hint that no node listens.
      listeners = redis.call('SPUBLISH', inbox, 'w' .. id .. ' ' .. last .. '\n' .. frame)
      last = id
      if hearing then hearing.stored(i, id, #frame) end
    end
  end
  redis.call('HSET', user, 'last', last, 'count', count, 'total', whole(total),
    'oldest', whole(box.count == 0 and now or box.oldest))
  -- The stream's TTL is renewed when the stream is new, and then once per quarter of the TTL.
  local quarter = ttl_us / 4
  if box.count == 0 or math.floor(us_of(box.last) / quarter) ~= math.floor(now / quarter) then
    redis.call('PEXPIRE', inbox, whole(stream_ttl_ms))
    if share and not share.everybody then redis.call('PEXPIRE', shares, whole(stream_ttl_ms)) end
  end
  if announce_after_ms > 0 and (box.token == '' or listeners == 0) then
    -- include announcements/announce.lua
    noted = announce(ARGV[7], now)
  end
end
if share then share.write(count, stream_ttl_ms) end
if hearing then hearing.write() end

local answer = table.concat(codes)
local forgotten = write_seen(seen)
raise_fence(fence, epoch, number, answer)
return answer .. forgotten .. noted
