#!lua
-- Files a report for operators. Its reporter may file another after a while.
--
-- KEYS[1] relay:{reports}           zset    report -> us
--         relay:{reports}:CODE      string  of a reporter who has just filed one; on the same slot by its tag
-- ARGV[1] reporter                  CODE
-- ARGV[2] report                    bytes; those of a repeated command are the same
--
-- returns 1: it is filed; 0: too early
-- include time.lua
-- CONST reports_max
-- CONST report_ttl_ms
-- CONST report_every_ms

local reports, reporter, report = KEYS[1], ARGV[1], ARGV[2]
if redis.call('ZSCORE', reports, report) then return 1 end
if not redis.call('SET', reports .. ':' .. reporter, '1', 'NX', 'PX', report_every_ms) then return 0 end
local now = now_us()
redis.call('ZREMRANGEBYSCORE', reports, '-inf', whole(now - report_ttl_ms * 1000))
redis.call('ZADD', reports, whole(now), report)
local over = redis.call('ZRANGE', reports, 0, -reports_max - 1)
if #over > 0 then redis.call('ZREM', reports, unpack(over)) end
redis.call('PEXPIRE', reports, report_ttl_ms)
return 1
