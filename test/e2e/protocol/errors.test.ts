import { describe, expect, it } from 'vitest';
import { FRAME_ERRORS } from '../../../src/protocol/errors.ts';
import { loggedIn, proveOpen, scene } from '../../support/clients/scene.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { ERROR_CASES, type RelayKind, relaySettings } from './error-cases.ts';

/** docs/protocol.md, section 5: every error code, provoked for real, and what follows. */
const relays = new Map<RelayKind, Promise<RelayNode>>();
const redis = redisForTests();
const processes = processesForTests();

function relayOn(kind: RelayKind): Promise<RelayNode> {
  const relay = relays.get(kind) ?? processes.relay(relaySettings(redis)[kind]);
  relays.set(kind, relay);
  return relay;
}

it('the table has every error code of the relay', () => {
  expect(Object.keys(ERROR_CASES)).toEqual(Object.keys(FRAME_ERRORS));
});

describe.each(Object.entries(ERROR_CASES))('%s', (code, cases) => {
  it.each(cases)(
    'is answered when $when',
    async ({ on = 'memory', before, provoke, detail, close, more }) => {
      const relay = await relayOn(on);
      await untilReady(relay);
      const there = before === true ? await scene(relay) : await loggedIn(relay);
      try {
        await provoke(there, redis);
        const { socket } = there;
        await socket.until(() => socket.errors().length > 0);
        const [error] = socket.errors();
        expect(error).toMatchObject({ code, detail: expect.stringMatching(detail) });
        const fields = ['code', 'detail', 'frame', 'id', 'retry_after_ms'];
        expect(fields.filter((field) => field in (error ?? {}))).toEqual(Object.keys(error ?? {}));
        const { recipient } = socket.messages.at(-1) ?? {};
        expect(recipient).toBe(before === true && close !== undefined ? undefined : there.alice.code);
        if (error !== undefined) more?.(error);
        expect(error?.frame).toBe(socket.sent);
        if (close !== undefined) {
          expect((await socket.untilClosed()).code).toBe(close);
          return;
        }
      } finally {
        redis.resume();
      }
      if (on === 'redis') await untilReady(relay);
      if (on !== 'slow') await proveOpen(there);
    },
  );
});

async function untilReady(relay: RelayNode): Promise<void> {
  await expect.poll(async () => (await relay.ready()).status, { timeout: 10_000 }).toBe(200);
}
