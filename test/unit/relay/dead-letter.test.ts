import { describe, expect, it, vi } from 'vitest';
import type { SessionKey, SessionState } from '../../../src/engine/engine.ts';
import { createMemoryEngine } from '../../../src/engine/memory/engine.ts';
import { createLog } from '../../../src/ops/log.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { deadLetters, PushFailures } from '../../../src/relay/outbound/dead-letter.ts';

const SESSION: SessionKey = { code: 'B0B0000', token: 'f'.repeat(32), epoch: 1, protocol: 1 };
const LIMITS = {
  mailboxEnvelopes: 10,
  mailboxBytes: 1_000,
  mailboxSharePercent: 100,
  mailboxTtlMs: 1e6,
  maxUsers: 10,
};

function setup(answer: () => Promise<SessionState>) {
  const setAside = vi.fn(answer);
  const engine = Object.assign(createMemoryEngine({ limits: LIMITS }), { deadLetter: setAside });
  const metrics = createMetrics();
  const lines: string[] = [];
  const log = createLog({ logLevel: 'info', nodeId: 'n' }, { write: (line) => void lines.push(line) });
  const node = { engine, metrics, log, pushFailures: new PushFailures() };
  const comeBack = vi.fn();
  const session = () => deadLetters({ node, session: SESSION, comeBack });
  return { session, setAside, comeBack, lines };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('an envelope that no socket takes', () => {
  it('gets three connections, then it is set aside, once, and the log says so', async () => {
    const { session, setAside, comeBack, lines } = setup(async () => 'held');
    for (const tries of [1, 2, 3]) {
      session().onUnsendable('7-7', new Error('no'));
      await turn();
      expect(comeBack).toHaveBeenCalledTimes(tries);
    }
    expect(setAside.mock.calls).toEqual([[SESSION, '7-7', 'unsendable']]);
    expect(lines.join()).toContain('set aside');
    expect(lines.join()).not.toContain(SESSION.code);
  });

  it('is counted by itself', async () => {
    const { session, setAside } = setup(async () => 'held');
    for (const id of ['1-1', '2-2', '1-1', '2-2']) session().onUnsendable(id, new Error('no'));
    await turn();
    expect(setAside).not.toHaveBeenCalled();
  });

  it('lets the client come back also if the store is away just then', async () => {
    const { session, comeBack } = setup(() => Promise.reject(new Error('away')));
    for (let tries = 0; tries < 3; tries += 1) session().onUnsendable('7-7', new Error('no'));
    await turn();
    expect(comeBack).toHaveBeenCalledTimes(3);
  });
});

describe('an entry that is no envelope', () => {
  it('is set aside at the first try: its bytes will not change', async () => {
    const { session, setAside, comeBack } = setup(async () => 'held');
    expect(await session().setAside('7-7')).toBe(true);
    expect(setAside.mock.calls).toEqual([[SESSION, '7-7', 'unreadable']]);
    expect(comeBack).not.toHaveBeenCalled();
  });

  it.each(['displaced', 'unknown_user'] as const)(
    'stays where it is for a session that is %s',
    async (state) => {
      const { session } = setup(async () => state);
      expect(await session().setAside('7-7')).toBe(false);
    },
  );
});
