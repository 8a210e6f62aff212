-- The history that this server writes: another one after each restart and each failover. It tells a session that was claimed
-- after the store had gone back from one that was claimed before.
local function history_now()
  return string.sub(string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or '', 1, 8)
end
