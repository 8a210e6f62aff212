import { describe, expect, it, vi } from 'vitest';
import type { SessionKey, SessionState, StoredEnvelope } from '../../../../src/engine/engine.ts';
import { createMemoryEngine } from '../../../../src/engine/memory/engine.ts';
import { createLog } from '../../../../src/ops/log/log.ts';
import { createMetrics } from '../../../../src/ops/metrics/metrics.ts';
import { PushFailures } from '../../../../src/relay/context/push-failures.ts';
import { pushFailed, withoutUnreadable } from '../../../../src/relay/outbound/dead-letter.ts';
import { LIMITS } from '../../../engine/backends.ts';

const SESSION: SessionKey = { code: 'B0B0000', token: 'f'.repeat(32), epoch: 1, protocol: 1 };

function setup(answer: () => Promise<SessionState>) {
  const deadLetter = vi.fn(answer);
  const engine = Object.assign(createMemoryEngine({ limits: LIMITS }), { deadLetter });
  const metrics = createMetrics();
  const lines: string[] = [];
  const log = createLog({ logLevel: 'info', nodeId: 'n' }, { write: (line) => void lines.push(line) });
  const context = { engine, metrics, log, pushFailures: new PushFailures() };
  const parts = { context, session: SESSION };
  const comeBack = vi.fn();
  const fail = (id: string) => pushFailed(parts, { id, error: new Error('no'), comeBack });
  /** Whether the entry has left the page. */
  const unreadableLeft = async (id: string) => {
    const page: StoredEnvelope[] = [{ id, frame: null }];
    return (await withoutUnreadable(parts, page)).length === 0;
  };
  return { fail, unreadableLeft, deadLetter, comeBack, lines };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('an envelope that no socket takes', () => {
  it('gets three connections, then becomes a dead letter, once, and the log says so', async () => {
    const { fail, deadLetter, comeBack, lines } = setup(async () => 'held');
    for (const tries of [1, 2, 3]) {
      fail('7-7');
      await turn();
      expect(comeBack).toHaveBeenCalledTimes(tries);
    }
    expect(deadLetter.mock.calls).toEqual([[SESSION, '7-7', 'unsendable']]);
    expect(lines.join()).toContain('set aside');
    expect(lines.join()).not.toContain(SESSION.code);
  });

  it('is counted by itself', async () => {
    const { fail, deadLetter } = setup(async () => 'held');
    for (const id of ['1-1', '2-2', '1-1', '2-2']) fail(id);
    await turn();
    expect(deadLetter).not.toHaveBeenCalled();
  });

  it('lets the client come back even if the store is away just then', async () => {
    const { fail, comeBack } = setup(() => Promise.reject(new Error('away')));
    for (let tries = 0; tries < 3; tries += 1) fail('7-7');
    await turn();
    expect(comeBack).toHaveBeenCalledTimes(3);
  });
});

describe('an entry that is no envelope', () => {
  it('becomes a dead letter at the first try: its bytes will not change', async () => {
    const { unreadableLeft, deadLetter, comeBack } = setup(async () => 'held');
    expect(await unreadableLeft('7-7')).toBe(true);
    expect(deadLetter.mock.calls).toEqual([[SESSION, '7-7', 'unreadable']]);
    expect(comeBack).not.toHaveBeenCalled();
  });

  it.each(['displaced', 'unknown_user'] as const)(
    'stays where it is for a session that is %s',
    async (state) => {
      const { unreadableLeft } = setup(async () => state);
      expect(await unreadableLeft('7-7')).toBe(false);
    },
  );
});
