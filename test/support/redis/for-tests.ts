import { beforeAll } from 'vitest';
import { type RedisConf, type RedisMode, RedisServer } from './redis.ts';

/**
 * A Redis that all tests of a file or a `describe` share. It starts before them, and before every `beforeAll` that stands
 * behind this call.
 */
export function redisForTests(conf: RedisConf = {}, mode: RedisMode = {}): RedisServer {
  const server = new RedisServer(conf, mode);
  beforeAll(async () => {
    await server.start();
    return () => server.remove();
  });
  return server;
}
