import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Processes, type RelayProcess } from '../support/processes.ts';
import { approached, People, take } from '../support/sdk.ts';

const processes = new Processes();
const people = new People();
let relay: RelayProcess;

beforeAll(async () => {
  relay = await processes.relay();
});
afterEach(() => people.leave());
afterAll(() => processes.stop());

test('two people who know one code each talk both ways, encrypted', async () => {
  const alice = await people.join(relay.http);
  const bob = await people.join(relay.http);
  const frames: string[] = [];
  alice.relay.on('frame', ({ text }) => frames.push(text));

  const toBob = await alice.relay.startConversation(bob.code);
  const toAlice = await approached(bob);
  await toBob.send('Hello Bob');
  expect((await take(toAlice, 1)).map(({ body }) => body)).toEqual(['Hello Bob']);
  await toAlice.send({ text: 'Hello Alice', mood: 'fine' });
  expect((await take(toBob, 1)).map(({ body }) => body)).toEqual([{ text: 'Hello Alice', mood: 'fine' }]);

  expect(toBob.safetyNumber()).toEqual(toAlice.safetyNumber());
  expect(frames.join('\n')).not.toContain('Hello');
});
