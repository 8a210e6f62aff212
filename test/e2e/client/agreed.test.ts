import { expect, test } from 'vitest';
import { joinOlder } from '../../support/clients/older-sdk.ts';
import { peopleForTests, take } from '../../support/clients/sdk.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';
import { until } from '../../support/until.ts';

/** What two people agree on inside their conversation: disappearing messages, and showing that one types. */
const people = peopleForTests();
const relay = relayForTests();

test('a timer that either sets holds for what both send, also after a restart, until one ends it', async () => {
  const { bob, toBob, toAlice } = await people.acquainted(relay.http);
  await toBob.send('for good');
  await toBob.setTimer(3_600);
  await toBob.send('for an hour');
  const [before, setting, after] = await take(toAlice, 3);
  expect(before).not.toHaveProperty('expiresS');
  expect(setting).toMatchObject({
    body: 'Messages disappear 1 hour after they are read.',
    timer: { seconds: 3_600, revision: 1 },
  });
  expect(setting).not.toHaveProperty('expiresS');
  expect(after).toMatchObject({ body: 'for an hour', expiresS: 3_600 });
  await bob.relay.close();
  const { conversation: backToAlice } = await people.back(relay.http, bob);
  expect(backToAlice.timerS).toBe(3_600);
  await backToAlice.send('back');
  await backToAlice.send('sooner', { expiresS: 5 });
  await backToAlice.setTimer(0);
  await backToAlice.send('stays');
  const [back, sooner, end, stays] = await take(toBob, 4);
  expect(back).toMatchObject({ expiresS: 3_600 });
  expect(sooner).toMatchObject({ expiresS: 5 });
  expect(end).toMatchObject({ timer: { seconds: 0, revision: 2 } });
  expect(stays).not.toHaveProperty('expiresS');
  expect(toBob.timerS).toBe(0);
  for (const wrong of [-1, 1.5, 31_536_001, Number.NaN])
    await expect(toBob.setTimer(wrong)).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('where both set a timer at once, both end up with the same', async () => {
  const { toBob, toAlice } = await people.acquainted(relay.http);
  await Promise.all([toBob.setTimer(60), toAlice.setTimer(86_400)]);
  await Promise.all([take(toAlice, 1), take(toBob, 1)]);
  expect(toBob.timerS).toBe(toAlice.timerS);
});

test('an older client reads in words that messages disappear, and gets nothing that it does not know', async () => {
  const old = await joinOlder(relay.http);
  try {
    const today = await people.join(relay.http, { typing: true });
    const toOld = await today.relay.startConversation(old.code);
    await toOld.setTimer(60);
    await toOld.send('hello', { expiresS: 60 });
    await until(() => old.relay.conversations.length > 0, { what: 'the conversation' });
    const [conversation] = old.relay.conversations;
    const got: unknown[] = [];
    for await (const { body } of conversation ?? []) {
      got.push(body);
      if (got.length === 2) break;
    }
    expect(got).toEqual(['Messages disappear 1 minute after they are read.', 'hello']);
  } finally {
    await old.relay.close();
  }
});

test('one is seen typing only if both want it', async () => {
  const { alice, bob, toBob, toAlice } = await people.acquainted(relay.http);
  let seen = 0;
  toAlice.on('typing', () => {
    seen += 1;
  });
  let sent = 0;
  alice.relay.on('frame', ({ direction, text }) => {
    if (direction === 'sent' && text.includes('"type":"message"')) sent += 1;
  });
  const exchange = async (text: string) => {
    await toBob.send(text);
    const [message] = await take(toAlice, 1);
    const answer = toAlice.send(`${text}!`);
    await message?.markRead();
    await take(toBob, 1);
    await answer.delivered;
    await Promise.all([alice.relay.flush(), bob.relay.flush()]);
  };
  await exchange('neither wants it');
  alice.relay.typing = true;
  await exchange('only one wants it');
  const before = sent;
  toBob.typing();
  await alice.relay.flush();
  expect(sent).toBe(before);
  bob.relay.typing = true;
  await exchange('both want it');
  toBob.typing();
  toBob.typing();
  await until(() => seen > 0, { what: 'the other to type' });
  await toBob.send('typed');
  await take(toAlice, 1);
  expect(seen).toBe(1);
  bob.relay.typing = false;
  await exchange('one no longer wants it');
  toBob.typing();
  await toBob.send('unseen');
  await take(toAlice, 1);
  expect(seen).toBe(1);
});
