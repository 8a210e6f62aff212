-- Which senders a user hears. The field `guard` of the user's hash has a letter for each thing that may be in a sender's way; for
-- nearly all users it is empty, and deliver looks no further:
--   b  some codes are blocked
--   k  only known people are heard
--   x  the user is banned; the field `banned` says until when (us; 0: for ever)
-- The rest is in keys that most users do not have:
--   people:{CODE}   hash  code -> b blocked, k known, bk both
--   unheard:{CODE}  hash  see hearing.lua

local function has(guard, letter)
  return guard and string.find(guard, letter, 1, true) ~= nil
end

local function with(guard, letter)
  guard = guard or ''
  return has(guard, letter) and guard or guard .. letter
end

local function without(guard, letter)
  return (string.gsub(guard or '', letter, ''))
end

-- Nil if the user hears this sender, otherwise 'blocked' or 'stranger'.
local function unheard_as(guard, sender)
  if not has(guard, 'b') and not has(guard, 'k') then return nil end
  local person = redis.call('HGET', key_of('people'), sender)
  if has(person, 'b') then return 'blocked' end
  if has(guard, 'k') and not has(person, 'k') then return 'stranger' end
  return nil
end

-- Whether the ban still holds; if so, until when (us; 0: for ever).
local function banned_until(guard, now)
  if not has(guard, 'x') then return nil end
  local till = tonumber(redis.call('HGET', user, 'banned') or 0)
  return (till == 0 or now < till) and till or nil
end
