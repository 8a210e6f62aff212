import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  createIdentity,
  exportIdentity,
  importIdentity,
  memoryStorage,
  Relay,
} from '../../../src/client/index.ts';
import { peopleForTests } from '../../support/clients/sdk.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

const processes = processesForTests();
const people = peopleForTests();
const relay = relayForTests();

describe('what cannot go well says so by a code', () => {
  test('an unknown code', async () => {
    const alice = await people.join(relay.http);
    await expect(alice.relay.startConversation('0000000')).rejects.toMatchObject({ code: 'user_unknown' });
    await expect(alice.relay.startConversation('what?')).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(alice.relay.startConversation(alice.code)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    expect(alice.relay.conversations).toEqual([]);
  });

  test('a code is read as people write it', async () => {
    const alice = await people.join(relay.http);
    const bob = await people.join(relay.http);
    const conversation = await alice.relay.startConversation(` ${bob.code.toLowerCase()} `);
    expect(conversation.code).toBe(bob.code);
  });

  test('a message that the relay would not take', async () => {
    const { toBob } = await people.acquainted(relay.http);
    await expect(toBob.send('x'.repeat(60_000))).rejects.toMatchObject({ code: 'too_large' });
    await toBob.send('x'.repeat(46_000));
  });

  test('a relay that is not there', async () => {
    const signal = AbortSignal.timeout(300);
    const connecting = Relay.connect('http://127.0.0.1:1', createIdentity(), { WebSocket, signal });
    await expect(connecting).rejects.toMatchObject({ code: 'aborted' });
  });

  test('a caller that no longer waits for the relay', async () => {
    const bob = await people.join(relay.http);
    // A relay that takes its time: every answer but the first, which is that to the registration.
    let asked = 0;
    const slow = (url: string, init: object) =>
      asked++ === 0 ? fetch(url, init) : fetch(url, init).then(() => new Promise<Response>(() => {}));
    const alice = await people.join(relay.http, { fetch: slow });
    const aborted = { code: 'aborted', cause: 'enough' };
    const waiting: ((signal: AbortSignal) => Promise<unknown>)[] = [
      (signal) => alice.relay.startConversation(bob.code, { signal }),
      (signal) => alice.relay.lookup(bob.code, { signal }),
    ];
    for (const wait of waiting) {
      const aborter = new AbortController();
      const waits = wait(aborter.signal);
      aborter.abort('enough');
      await expect(waits).rejects.toMatchObject(aborted);
    }
    expect(alice.relay.conversations).toEqual([]);

    const { toBob } = await people.acquainted(relay.http);
    const signal = AbortSignal.abort('enough');
    await expect(alice.relay.register({ signal })).rejects.toMatchObject(aborted);
    await expect(toBob.send('too late', { signal })).rejects.toMatchObject(aborted);
    await expect(toBob.acceptChangedKey({ signal })).rejects.toMatchObject(aborted);
    await expect(Relay.open(relay.http, createIdentity(), { signal })).rejects.toMatchObject(aborted);
    for await (const message of toBob.messages({ signal })) throw new Error(String(message.body));
  });

  test('a second connection of the same identity', async () => {
    const alice = await people.join(relay.http);
    await people.join(relay.http, { identity: alice.identity });
    await until(() => alice.relay.state.state === 'ended', { what: 'the first to be displaced' });
    expect(alice.relay.state).toMatchObject({ error: { code: 'displaced' } });
  });

  test('protocol 1 after protocol 2', async () => {
    const alice = await people.join(relay.http);
    await alice.relay.close();
    const back = Relay.open(relay.http, alice.identity, { WebSocket, storage: alice.storage, protocol: 1 });
    await expect(back).rejects.toMatchObject({ code: 'downgraded' });
  });

  test('a relay that has forgotten everybody', async () => {
    const first = await processes.relay();
    const alice = await people.join(first.http);
    await alice.relay.close();
    const other = await processes.relay();
    const back = Relay.connect(other.http, alice.identity, { WebSocket, storage: alice.storage });
    await expect(back).rejects.toMatchObject({ code: 'account_gone' });
  });
});

describe('an identity', () => {
  test('comes back from its export with the passphrase, and only with it', async () => {
    const identity = createIdentity();
    const text = await exportIdentity(identity, 'correct horse', { costLog2: 14 });
    expect(text).toMatch(/^keyrelay-identity-1:/);
    expect(await importIdentity(`  ${text}\n`, 'correct horse')).toEqual(identity);
    await expect(importIdentity(text, 'correct  horse')).rejects.toMatchObject({
      code: 'identity_unreadable',
    });
    await expect(importIdentity(text.replace(':14:', ':15:'), 'correct horse')).rejects.toMatchObject({
      code: 'identity_unreadable',
    });
    await expect(importIdentity('hello', 'correct horse')).rejects.toMatchObject({
      code: 'identity_unreadable',
    });
  });

  test('has the same code whenever it registers', async () => {
    const alice = await people.join(relay.http, { name: 'Alice' });
    const user = await alice.relay.lookup(alice.code);
    expect(user).toMatchObject({
      code: alice.code,
      name: 'Alice',
      eddsaPublicKey: alice.identity.eddsaPublicKey,
    });
    await alice.relay.close();
    const again = await people.join(relay.http, { identity: alice.identity, storage: memoryStorage() });
    expect(again.code).toBe(alice.code);
  });
});
