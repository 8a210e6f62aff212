import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { USER_BYTES } from '../../../../src/engine/bounds.ts';
import type { Engine } from '../../../../src/engine/engine.ts';
import { SETTINGS } from '../../../../src/ops/settings/settings.ts';
import { type RedisServer, startRedis } from '../../../support/redis/redis.ts';
import { runningNode } from '../../backends.ts';
import { envelope, held, newSession, Sender } from '../../fixture.ts';

/** Enough that what a server needs by itself, and its hash table's growth, is little beside them. */
const USERS = 8_000;
const AT_ONCE = 200;
/** The table of keys grows by doubling: between two doublings a user costs up to 16 bytes more or less. */
const TOLERANCE = 0.08;

describe('what a user takes of Redis', () => {
  let server: RedisServer;
  let node: Engine;
  beforeAll(async () => {
    server = await startRedis({}, { deployed: true });
    node = await runningNode({ urls: [server.url] });
  });
  afterAll(async () => {
    await node.close();
    await server.remove();
  });

  async function usedBytes(): Promise<number> {
    const text = String(await server.call('INFO', 'memory'));
    return (
      Number(/^used_memory_dataset:(\d+)/m.exec(text)?.[1]) +
      Number(/^used_memory_overhead:(\d+)/m.exec(text)?.[1])
    );
  }

  /** Registered, logged in by protocol 2, and with mail behind them. */
  async function make(count: number): Promise<void> {
    for (let made = 0; made < count; made += AT_ONCE) {
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          const { code, session } = await newSession(node, { proven: true, protocol: 2 });
          await new Sender(node, code, session.epoch).send(code, envelope('hello'));
          const { last } = await held(node, session);
          await node.confirm(session, last);
          // The order fence, which ends by itself.
          await server.call('DEL', `from:{${code}}:${code}`);
        }),
      );
    }
  }

  it('matches what the settings, the documents and the check at the start say', async () => {
    // Connections, scripts and buffers are there, and the table of keys has grown once.
    await make(AT_ONCE);
    const before = await usedBytes();
    await make(USERS);
    const each = ((await usedBytes()) - before) / USERS;
    console.log(`one user: ${each.toFixed(0)} bytes`);
    expect(each).toBeGreaterThan(USER_BYTES * (1 - TOLERANCE));
    expect(each).toBeLessThan(USER_BYTES * (1 + TOLERANCE));
    expect(SETTINGS.maxUsers.description).toContain(`${USER_BYTES} bytes`);
  });
});
