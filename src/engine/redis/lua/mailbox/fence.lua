-- The order fence of one sender in one mailbox: a string `epoch:number:codes` of the last batch.
-- CONST fence_ttl_ms

-- The codes that the fence decides without looking at the envelopes; nil if the batch is new.
local function fenced_codes(key, epoch, number, envelopes)
  local fence = redis.call('GET', key)
  if not fence then return nil end
  local fence_epoch, fence_number, codes = string.match(fence, '^(%d+):(%d+):(.*)$')
  local age = tonumber(epoch) - tonumber(fence_epoch)
  if age == 0 then age = tonumber(number) - tonumber(fence_number) end
  -- Equal: the same batch again (its answer was lost), so the same codes. Lower: it comes too late.
  if age == 0 and #codes == envelopes then return codes end
  if age <= 0 then return string.rep('x', envelopes) end
  return nil
end

local function raise_fence(key, epoch, number, codes)
  redis.call('SET', key, epoch .. ':' .. number .. ':' .. codes, 'PX', fence_ttl_ms)
end
