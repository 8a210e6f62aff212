import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { signedFrame } from '../../../src/client/account/signing.ts';
import { type Conversation, createIdentity, type Identity, Relay } from '../../../src/client/index.ts';
import { signedText } from '../../../src/protocol/frames/relay-frames.ts';
import { begun, People, type Person, take } from '../../support/clients/sdk.ts';
import { byLength } from '../../support/long.ts';
import { fromServer, HostileRelay } from '../../support/services/hostile-relay.ts';
import { until } from '../../support/until.ts';

const people = new People();
let relay: HostileRelay;

beforeEach(async () => {
  relay = await HostileRelay.start();
});
afterEach(async () => {
  await people.leave();
  await relay.stop();
});

let nextSeq = 0;

/** As a relay hands an envelope on. */
function delivered(frame: string): string {
  return `${frame.slice(0, -1)},"seq":"${++nextSeq}"}`;
}

/** Passes envelopes on as an honest relay does, and keeps them. */
function passOn(sockets: Map<string, WebSocket>, kept: string[]): void {
  relay.onFrame = (_, frame) => {
    const { data } = JSON.parse(frame) as { data?: { sender: string; recipient: string; id: string } };
    if (data === undefined) return;
    kept.push(frame);
    sockets.get(data.sender)?.send(fromServer('accepted', { id: data.id }));
    sockets.get(data.recipient)?.send(delivered(frame));
  };
}

/** Alice and Bob with keys, over a relay that has kept every frame, and can reach each of them. */
async function talking(): Promise<{
  alice: Person;
  bob: Person;
  toBob: Conversation;
  toAlice: Conversation;
  sockets: Map<string, WebSocket>;
  kept: string[];
}> {
  const sockets = new Map<string, WebSocket>();
  const kept: string[] = [];
  passOn(sockets, kept);
  const join = async () => {
    let socket: WebSocket | null = null;
    relay.onLogin = (opened) => {
      socket = opened as unknown as WebSocket;
    };
    const person = await people.join(relay.url);
    if (socket !== null) sockets.set(person.code, socket);
    return person;
  };
  const alice = await join();
  const bob = await join();
  const { toBob, toAlice } = await begun(alice, bob);
  // Her first message tells Bob that she has the keys too.
  const agreed = () => toBob.secured && toAlice.secured && kept.some((frame) => frame.includes('ciphertext'));
  await until(agreed, { what: 'keys' });
  return { alice, bob, toBob, toAlice, sockets, kept };
}

/** Everything that reaches the program from now on. */
function everythingOf(conversation: Conversation): unknown[] {
  const bodies: unknown[] = [];
  void (async () => {
    for await (const { body } of conversation) bodies.push(body);
  })();
  return bodies;
}

describe('before the login, nothing is signed for', () => {
  const connecting = (identity: Identity = createIdentity()) =>
    Relay.connect(relay.url, identity, { WebSocket });

  test('a relay that names another address: it may stand in the middle', async () => {
    relay.audience = 'wss://relay.example/ws';
    await expect(connecting()).rejects.toMatchObject({ code: 'audience_mismatch' });
    expect(relay.received).toEqual([]);
  });

  test('a relay, or a line, that has no protocol 2', async () => {
    relay.subprotocol = false;
    await expect(connecting()).rejects.toMatchObject({ code: 'downgraded' });
    expect(relay.received).toEqual([]);
  });
});

describe('nothing is taken that its sender did not sign for this recipient', () => {
  test.each<[string, (parts: { alice: Person; bob: Person }) => string]>([
    ['a signature by another key', ({ alice, bob }) => envelope(alice.code, bob.code, createIdentity())],
    [
      'an altered byte',
      ({ alice, bob }) => envelope(alice.code, bob.code, alice.identity).replace('"n":1', '"n":2'),
    ],
    ['an envelope for another user', ({ alice }) => envelope(alice.code, 'ZZZZZZZ', alice.identity)],
    ['a sender that is no user', ({ bob }) => envelope('ZZZZZZZ', bob.code, createIdentity())],
    [
      'a second sender deeper in the envelope',
      ({ alice, bob }) => {
        const data = `{"message":{"type":"message","payload":{"sender":"${alice.code}"}},"sender":"ZZZZZZZ","recipient":"${bob.code}"}`;
        return signedFrame(data, alice.identity);
      },
    ],
    [
      'two senders, where parsers differ in which counts',
      ({ alice, bob }) => {
        const data = `{"sender":"ZZZZZZZ","sender":"${alice.code}","recipient":"${bob.code}","message":{"type":"key_exchange","payload":{}}}`;
        return signedFrame(data, alice.identity);
      },
    ],
  ])('%s', async (_, make) => {
    const { alice, bob, toAlice, sockets, toBob } = await talking();
    const bodies = everythingOf(toAlice);
    const sent = relay.received.length;
    sockets.get(bob.code)?.send(delivered(make({ alice, bob })));
    // What comes behind it is taken as ever.
    await toBob.send('genuine');
    await until(() => bodies.length > 0, { what: 'the genuine message' });
    expect(bodies).toEqual(['genuine']);
    const answers = relay.received.slice(sent).filter((frame) => frame.includes('key_exchange'));
    expect(answers).toEqual([]);
    expect(bob.relay.conversations).toHaveLength(1);
  });

  function envelope(sender: string, recipient: string, signer: Identity): string {
    const message = { type: 'key_exchange', payload: { ecdh_public_key: signer.ecdhPublicKey, n: 1 } };
    return signedFrame(signedText({ sender, recipient, id: 'x', message }), signer);
  }
});

const REPEATS = byLength(20, 100);

describe('what was said once is heard once', () => {
  test(`every frame repeated ${REPEATS} times, to both`, async () => {
    const { alice, bob, toBob, toAlice, sockets, kept } = await talking();
    const atBob = everythingOf(toAlice);
    const atAlice = everythingOf(toBob);
    for (const number of [1, 2, 3]) await toBob.send(number);
    await until(() => atBob.length === 3, { what: 'three messages' });
    const frames = [...kept];
    for (let round = 0; round < REPEATS; round++) {
      for (const frame of frames) {
        const { data } = JSON.parse(frame) as { data: { recipient: string } };
        sockets.get(data.recipient)?.send(delivered(frame));
      }
    }
    await toBob.send('last');
    await toAlice.send('back');
    await until(() => atBob.includes('last') && atAlice.includes('back'), {
      what: 'the last ones',
      timeoutMs: 90_000,
    });
    expect(atBob).toEqual([1, 2, 3, 'last']);
    expect(atAlice).toEqual(['back']);
    expect(alice.relay.state.state).toBe('live');
    expect(bob.relay.state.state).toBe('live');
  });

  test('our own frames turned back on us', async () => {
    const { alice, toBob, sockets, kept, toAlice } = await talking();
    const atAlice = everythingOf(toBob);
    await toBob.send('mine');
    await take(toAlice, 1);
    for (const frame of [...kept]) sockets.get(alice.code)?.send(delivered(frame));
    await toAlice.send('yours');
    await until(() => atAlice.length > 0, { what: 'the answer' });
    expect(atAlice).toEqual(['yours']);
  });

  test('a later message before an earlier one: the SDK reports the gap, and hands all over in order', async () => {
    const { bob, toBob, toAlice, sockets } = await talking();
    const atBob = everythingOf(toAlice);
    const missing: number[] = [];
    toAlice.on('missing', ({ count }) => missing.push(count));
    const stolen: string[] = [];
    relay.onFrame = (socket, frame) => {
      const { data } = JSON.parse(frame) as { data?: { id: string; recipient: string } };
      if (data === undefined) return;
      socket.send(fromServer('accepted', { id: data.id }));
      if (data.recipient === bob.code) stolen.push(frame);
    };
    await toBob.send('first');
    await toBob.send('second');
    await toBob.send('third');
    await until(() => stolen.length === 3, { what: 'three messages' });
    const [first = '', second = '', third = ''] = stolen;
    sockets.get(bob.code)?.send(delivered(second));
    sockets.get(bob.code)?.send(delivered(first));
    sockets.get(bob.code)?.send(delivered(third));
    await until(() => atBob.includes('third'), { what: 'the third' });
    expect(atBob).toEqual(['first', 'second', 'third']);
    expect(missing).toEqual([1]);
  });
});

describe('memory and time stay bounded', () => {
  test.each([
    ['what is no JSON', 'rubbish'],
    ['a million characters', `{"data":{"x":"${'x'.repeat(1_000_000)}"}}`],
    ['an envelope without a signature', '{"data":{"sender":"A000001"}}'],
    ['a frame of the relay without a type', '{"data":{"sender":"server","message":{}}}'],
    ['depth', `${'{"data":'.repeat(20_000)}1${'}'.repeat(20_000)}`],
  ])('%s ends the connection, for good', async (_, frame) => {
    const alice = await people.join(relay.url);
    relay.say(frame);
    await until(() => alice.relay.state.state === 'ended', { what: 'the end' });
    expect(alice.relay.state).toMatchObject({ error: { code: 'refused' } });
  });

  test('a flood of envelopes without end drops the socket', async () => {
    const { alice, bob, sockets } = await talking();
    const identity = createIdentity();
    const states: string[] = [];
    bob.relay.on('state', ({ state }) => states.push(state));
    const message = { type: 'message', payload: {} };
    const frame = signedFrame(signedText({ sender: alice.code, recipient: bob.code, message }), identity);
    for (let number = 0; number < 5_000; number++) sockets.get(bob.code)?.send(delivered(frame));
    await until(() => states.includes('offline'), { what: 'the socket to be dropped' });
  });

  test('`retry in` for a hundred years is not obeyed for longer than two minutes', async () => {
    const alice = await people.join(relay.url);
    const states: unknown[] = [];
    alice.relay.on('state', (state) => states.push(state));
    relay.closeAll(1012, 'retry in 999999999 ms');
    await until(() => states.length > 0, { what: 'the close' });
    expect(states).toEqual([{ state: 'offline', retryInMs: 120_000, reason: '1012 retry in 999999999 ms' }]);
  });

  test('a bad signature does not make it ask for keys each time', async () => {
    const { alice, bob, sockets } = await talking();
    const before = relay.lookups;
    const message = { type: 'key_exchange', payload: {} };
    for (let number = 0; number < 200; number++) {
      const data = signedText({ sender: alice.code, recipient: bob.code, id: `f${number}`, message });
      sockets.get(bob.code)?.send(delivered(signedFrame(data, createIdentity())));
    }
    const acknowledged = () =>
      relay.received.filter((frame) => frame.includes(`"ack":"${nextSeq}"`)).length > 0;
    await until(acknowledged, { what: 'all to be dealt with', timeoutMs: 90_000 });
    expect(relay.lookups - before).toBeLessThanOrEqual(2);
  });
});
