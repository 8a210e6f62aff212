/** Metrics of other servers that rules and dashboard ask for. That they exist is checked against the real ones, end to end. */
export const FOREIGN_METRICS = [
  'haproxy_frontend_http_responses_total',
  'haproxy_process_current_connections',
  'haproxy_process_max_connections',
  'node_filesystem_avail_bytes',
  'node_filesystem_readonly',
  'node_filesystem_size_bytes',
  'probe_success',
  'redis_aof_enabled',
  'redis_aof_last_write_status',
  'redis_commands_processed_total',
  'redis_connected_slaves',
  'redis_instance_info',
  'redis_memory_max_bytes',
  'redis_memory_used_bytes',
  'redis_up',
] as const;

/** The same, but only where the front door has TLS. */
export const TLS_METRICS = ['probe_ssl_earliest_cert_expiry'] as const;
