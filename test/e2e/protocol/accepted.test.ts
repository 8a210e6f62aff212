import { beforeEach, describe, expect, it } from 'vitest';
import { sendStored } from '../../support/clients/scene.ts';
import { envelopeFrame, envelopeText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../../support/plain/users.ts';
import { PAIRS, pairForTests } from '../../support/servers/pair.ts';

const MAILBOX_ENVELOPES = 5;
const MAILBOX_BYTES = 200_000;

/** docs/protocol.md, sections 2 and 5: what an `id` is good for, and what a full mailbox says. */
describe.each(PAIRS)('an envelope with an id, %s', (where) => {
  const pair = pairForTests(where, {
    RELAY_ENVELOPES_PER_S: '0',
    RELAY_MAILBOX_ENVELOPES: `${MAILBOX_ENVELOPES}`,
    RELAY_MAILBOX_SHARE: '100',
    RELAY_MAILBOX_BYTES: `${MAILBOX_BYTES}`,
  });
  let alice: PlainUser;
  let bob: PlainUser;
  let socket: PlainClient;

  beforeEach(async () => {
    [alice, bob] = [await registerUser(pair.one.http), await registerUser(pair.two.http)];
    socket = await PlainClient.login(pair.one.ws, alice);
  });

  function frame(id: string, payload: unknown = null, sender = alice): string {
    return envelopeFrame(sender, { recipient: bob.code, id, payload });
  }

  /** What waits for Bob, oldest first; it is confirmed and gone after. */
  async function waiting(): Promise<string[]> {
    const carol = await registerUser(pair.two.http);
    const other = await PlainClient.login(pair.two.ws, carol);
    const receiver = await PlainClient.login(pair.two.ws, bob);
    // Behind everything that waits: room for it is made by what Bob confirms.
    await expect
      .poll(async () => {
        other.send(envelopeFrame(carol, { recipient: bob.code, id: 'end' }));
        await other.until(() => other.accepted().length + other.errors().length > 0);
        return other.accepted();
      })
      .toContain('end');
    await receiver.until(() => receiver.envelopes.some((text) => text.includes('"id":"end"')));
    await Promise.all([receiver.close(), other.close()]);
    return receiver.envelopes.filter((text) => !text.includes('"id":"end"'));
  }

  it('is accepted once it is stored, also for an offline recipient', async () => {
    socket.send(frame('first'));
    await socket.until(() => socket.accepted().length > 0);
    expect(socket.accepted()).toEqual(['first']);
    expect(await waiting()).toEqual([frame('first')]);
  });

  it('is accepted again when repeated, and not stored twice', async () => {
    for (let n = 0; n < 3; n += 1) socket.send(frame('again'));
    await socket.until(() => socket.accepted().length === 3);
    expect(await waiting()).toEqual([frame('again')]);
  });

  it('is not stored twice on another connection or node, nor after its delivery', async () => {
    const receiver = await PlainClient.login(pair.two.ws, bob);
    socket.send(frame('elsewhere'));
    expect(await receiver.untilEnvelopes(1)).toEqual([frame('elsewhere')]);
    await socket.close();
    const again = await PlainClient.login(pair.two.ws, alice);
    again.send(frame('elsewhere'));
    await again.until(() => again.accepted().length === 1);
    const behind = await sendStored(again, { sender: alice, recipient: bob.code });
    expect(await receiver.untilEnvelopes(2)).toEqual([frame('elsewhere'), behind]);
    await receiver.close();
  });

  it('conflicts with other bytes under the same id, also if only the JSON spelling differs', async () => {
    socket.send(frame('taken', [1]));
    await socket.until(() => socket.accepted().length === 1);
    const text = envelopeText({ sender: alice.code, recipient: bob.code, id: 'taken', payload: [1] });
    socket.sendData(alice, text.replace('[1]', '[ 1]'));
    expect(await socket.nextError()).toMatchObject({ code: 'id_conflict', id: 'taken' });
    expect(await waiting()).toEqual([frame('taken', [1])]);
  });

  it('may reuse its id for other recipients and from other senders', async () => {
    const carol = await registerUser(pair.one.http);
    const other = await PlainClient.login(pair.one.ws, carol);
    socket.send(frame('same', 'by Alice'));
    await socket.until(() => socket.accepted().length === 1);
    other.send(frame('same', 'by Carol', carol));
    await other.until(() => other.accepted().length === 1);
    socket.send(envelopeFrame(alice, { recipient: carol.code, id: 'same' }));
    await socket.until(() => socket.accepted().length === 2);
    expect(await waiting()).toEqual([frame('same', 'by Alice'), frame('same', 'by Carol', carol)]);
    await other.close();
  });

  it('has an id that is free again if the envelope was refused', async () => {
    for (let n = 0; n < MAILBOX_ENVELOPES; n += 1) socket.send(frame(`fill-${n}`));
    socket.send(frame('refused'));
    expect(await socket.nextError()).toMatchObject({ code: 'mailbox_full', id: 'refused' });
    await waiting();
    socket.send(frame('refused'));
    await socket.until(() => socket.accepted().includes('refused'));
    expect(await waiting()).toEqual([frame('refused')]);
  });

  it('is refused by a full mailbox, which drops nothing older for it', async () => {
    const sent = Array.from({ length: MAILBOX_ENVELOPES + 3 }, (_, n) => frame(`n-${n}`));
    for (const each of sent) socket.send(each);
    await socket.until(() => socket.accepted().length + socket.errors().length === sent.length);
    expect(socket.errors().map(({ code, id }) => [code, id])).toEqual(
      [5, 6, 7].map((n) => ['mailbox_full', `n-${n}`]),
    );
    expect(await waiting()).toEqual(sent.slice(0, MAILBOX_ENVELOPES));
  });

  it('is refused by a mailbox full of bytes; a smaller one still fits', async () => {
    const large = ['a', 'b', 'c'].map((id) => frame(id, 'x'.repeat(60_000)));
    for (const each of large) socket.send(each);
    socket.send(frame('d', 'x'.repeat(60_000)));
    expect(await socket.nextError()).toMatchObject({ code: 'mailbox_full', id: 'd' });
    socket.send(frame('e'));
    await socket.until(() => socket.accepted().includes('e'));
    expect(await waiting()).toEqual([...large, frame('e')]);
  });
});
