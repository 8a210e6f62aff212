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
-- CONST ttl_us  of an envelope
-- include keys.lua
-- include time.lua
-- include mailbox/mailbox.lua
-- include mailbox/shares.lua
-- include mailbox/leave.lua
-- include mailbox/fence.lua
-- include mailbox/seen.lua
-- include mailbox/quota.lua
-- include people/guard.lua
-- include people/hearing.lua
-- include mailbox/append.lua
-- include announcements/announce.lua

local sender, epoch, number, latest, tag, kinds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local fence = key_of('from') .. ':' .. sender
local FIRST = 8
local frames = {}
for at = FIRST, #ARGV, 3 do frames[#frames + 1] = ARGV[at] end

local box = open_mailbox()
if not box then return string.rep('u', #frames) end

-- A batch that was stuck could come after its fence has expired, and overtake envelopes sent since.
local now = now_us()
if now > tonumber(latest) then return 'late' end
if box.guard and banned_until(box.guard, now) then return string.rep('u', #frames) end
local answered = fenced_codes(fence, epoch, number, #frames)
if answered then return answered end

expire(box, now - ttl_us)
local seen = open_seen(key_of('seen') .. ':0', key_of('seen') .. ':1', now)
local quota = open_quota(box)
local hearing = open_hearing(box, sender, now)
if hearing and hearing.requests then make_room(quota, hearing.requests) end
-- Counted before: from now on each batch must be added.
if may_share(box) and optional('EXISTS', shares) == 1 then count_own(quota, box, sender) end

local codes = {}
for i, frame in ipairs(frames) do
  local at = FIRST + (i - 1) * 3
  local id, digest = ARGV[at + 1], ARGV[at + 2]
  local name = sender .. ':' .. id
  local before = id ~= '' and digest_of(seen, name)
  if before then
    codes[i] = before == digest and 'r' or 'c'
  elseif hearing and ask(hearing, i, string.sub(kinds, i, i), #frame) then
    codes[i] = 's'
    make_room(quota, hearing.requests)
  elseif mailbox_is_full(quota, #frame) then
    codes[i] = 'f'
  elseif hearing and hearing.why then
    codes[i] = drop(hearing, #frame)
  elseif share_is_full(quota, box, sender, #frame) then
    codes[i] = 'h'
  else
    codes[i] = 's'
  end
  if codes[i] == 's' then add_to_quota(quota, #frame) end
  if id ~= '' and (codes[i] == 's' or codes[i] == 'd') then remember(seen, name, digest) end
end

-- Nothing is refused from here on.
local ids, noted = nil, ''
local last_us, stream_ttl_ms = us_of(box.last), ttl_us * 1.25 / 1000
if quota.count > box.count then
  ids = append(box, { sender = sender, tag = tag, frames = frames }, codes, now)
  local oldest = box.count == 0 and now or box.oldest
  redis.call('HSET', user, 'last', box.last, 'count', quota.count, 'total', whole(box.total), 'oldest', whole(oldest))
  if ttl_is_due(box, last_us, now, ttl_us) then
    redis.call('PEXPIRE', inbox, whole(stream_ttl_ms))
    if quota.own and not quota.everybody then redis.call('PEXPIRE', shares, whole(stream_ttl_ms)) end
  end
  if announce_after_ms > 0 and (box.token == '' or box.listeners == 0) then
    noted = announce(ARGV[7], box.epoch, now)
  end
end
write_shares(quota, box, sender, stream_ttl_ms)
if hearing then write_hearing(hearing, sender, ids, frames) end

local answer = table.concat(codes)
local forgotten = write_seen(seen)
raise_fence(fence, epoch, number, answer)
return answer .. forgotten .. noted
