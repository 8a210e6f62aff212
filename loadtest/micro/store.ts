import { randomBytes } from 'node:crypto';
import type { Engine, EngineLimits, SessionKey } from '../../src/engine/engine.ts';
import { parseInfo } from '../../src/engine/redis/connection/checks.ts';
import { Connection } from '../../src/engine/redis/connection/connection.ts';
import { createRedisEngine } from '../../src/engine/redis/engine.ts';
import { startRedis } from '../../test/support/redis/redis.ts';

/** The Redis engine over a Redis of its own, without limits that a benchmark would meet. */
export interface BenchStore {
  readonly engine: Engine;
  /** A new user who has logged in. */
  newSession(protocol: SessionKey['protocol']): Promise<SessionKey>;
  /** Microseconds of processor time that Redis has taken since its start. */
  redisCpuUs(): Promise<number>;
  stop(): Promise<void>;
}

export async function startBenchStore({ maxBlocks }: Pick<EngineLimits, 'maxBlocks'>): Promise<BenchStore> {
  const server = await startRedis({}, { deployed: true });
  const admin = await Connection.open({
    address: { host: '127.0.0.1', port: server.port },
    access: { tls: false, username: null, password: null },
    timeoutMs: 60_000,
  });
  const limits = {
    mailboxEnvelopes: 1e9,
    mailboxBytes: 1e12,
    mailboxSharePercent: 100,
    mailboxTtlMs: 7 * 24 * 3600 * 1000,
    maxUsers: 1e6,
    maxBlocks,
  };
  const engine = createRedisEngine({ urls: [server.url], nodeId: 'bench', limits, waitReplicas: 0 });
  await engine.start();
  return {
    engine,
    async newSession(protocol) {
      const key = () => randomBytes(32).toString('hex');
      const keys = { ecdhPublicKey: key(), eddsaPublicKey: key() };
      const result = await engine.register({ ...keys, name: null, proof: 'ab'.repeat(64) });
      if (!('user' in result)) throw new Error(result.outcome);
      const token = randomBytes(16).toString('hex');
      const claimed = await engine.claim({ code: result.user.code, token, protocol });
      if (claimed.outcome !== 'claimed') throw new Error(claimed.outcome);
      return claimed.session;
    },
    async redisCpuUs() {
      const info = parseInfo(String(await admin.send(['INFO', 'cpu'])));
      return (Number(info.get('used_cpu_user')) + Number(info.get('used_cpu_sys'))) * 1e6;
    },
    async stop() {
      await engine.close();
      admin.destroy('done');
      await server.remove();
    },
  };
}
