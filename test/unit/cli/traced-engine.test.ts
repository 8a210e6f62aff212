import { describe, expect, it } from 'vitest';
import { type EnvelopeSpan, tracedEngine } from '../../../src/cli/serve/traced-engine.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { createMemoryEngine } from '../../../src/engine/memory/engine.ts';
import { LIMITS } from '../../engine/backends.ts';
import { login, RecordingListener, register, Sender } from '../../engine/fixture.ts';

/** A memory engine whose confirms answer only when they are let. */
async function slowConfirms(): Promise<{ engine: Engine; spans: EnvelopeSpan[]; answer: () => void }> {
  const memory = createMemoryEngine({ limits: LIMITS });
  await memory.start();
  const spans: EnvelopeSpan[] = [];
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const confirm: Engine['confirm'] = async (session, upTo) => {
    await answered;
    return memory.confirm(session, upTo);
  };
  const slow = new Proxy(memory, {
    get: (target, name) => {
      const member: unknown = name === 'confirm' ? confirm : Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  const engine = tracedEngine(slow, { isSampled: () => true, record: (span) => spans.push(span) });
  return { engine, spans, answer };
}

const stored = { frame: Buffer.from(`{"data":{},"signature":"${'ab'.repeat(64)}"}`), dedupe: null };
const outcomes = (spans: readonly EnvelopeSpan[]) =>
  spans.filter(({ name }) => name === 'deliver').map(({ attributes }) => attributes['keyrelay.outcome']);
const ticks = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('the trace of an envelope whose recipient leaves', () => {
  it('says that it was confirmed, if the receipt had come before and the store answers after', async () => {
    const { engine, spans, answer } = await slowConfirms();
    const [alice, bob] = [await register(engine), await register(engine)];
    const listener = new RecordingListener();
    const subscription = await engine.subscribe(bob.code, listener);
    const { session } = await login(engine, bob.code);
    await new Sender(engine, alice.code).send(bob.code, stored);
    await ticks();
    // As a session ends: it unsubscribes, and confirms in the same tick.
    subscription.unsubscribe();
    const confirmed = engine.confirm(session, listener.wakeUps[0]?.id ?? '');
    await ticks();
    expect(outcomes(spans)).toEqual([]);
    answer();
    await confirmed;
    await ticks();
    expect(outcomes(spans)).toEqual(['confirmed']);
  });

  it('says that it was not, if no receipt came', async () => {
    const { engine, spans } = await slowConfirms();
    const [alice, bob] = [await register(engine), await register(engine)];
    const subscription = await engine.subscribe(bob.code, new RecordingListener());
    await new Sender(engine, alice.code).send(bob.code, stored);
    await ticks();
    subscription.unsubscribe();
    await ticks();
    expect(outcomes(spans)).toEqual(['not confirmed']);
  });
});
