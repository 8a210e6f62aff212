-- Included by the verbs that make people known.
-- CONST known_max
-- CONST max_blocks

-- Notes the codes in ARGV from `first` on as known. False, and nothing noted, if that were too many.
local function know(first)
  local key = key_of('people')
  if redis.call('HLEN', key) + #ARGV - first + 1 > known_max + max_blocks then
    -- Perhaps most of them are known: only then are they looked at one by one.
    local new = 0
    for i = first, #ARGV do new = new + 1 - redis.call('HEXISTS', key, ARGV[i]) end
    if redis.call('HLEN', key) + new > known_max + max_blocks then return false end
  end
  for i = first, #ARGV do
    local person = redis.call('HGET', key, ARGV[i])
    if not has(person, 'k') then
      redis.call('HSET', key, ARGV[i], with(person, 'k'))
      if not has(person, 'b') then optional('HDEL', key_of('unheard'), ARGV[i]) end
    end
  end
  return true
end
