import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { envelopeText, frameOf } from '../support/plain/frames.ts';
import { PlainClient } from '../support/plain/plain-client.ts';
import { type PlainUser, registerUser } from '../support/plain/users.ts';
import { OLD_MAILBOXES, recordMailboxes } from '../support/redis/old-mailboxes.ts';
import { buildOld } from './old-version.ts';
import { roll } from './roll.ts';
import { Stage } from './stage.ts';

/**
 * A version change: nodes of another commit are replaced by nodes of this one, under load.
 * `DRILL_OLD=<commit or tag> npm run drill -- upgrade`. With `DRILL_RECORD=1` what the old one leaves in Redis is
 * written to the file that test/e2e/http/upgrade.test.ts reads.
 */
const OLD = process.env.DRILL_OLD ?? '';
const PEOPLE = 120;
const PER_SECOND = 500;
const AWAY = 10;
const WAITING = 20;

describe.skipIf(OLD === '')(`from ${OLD} to this version`, () => {
  let main: string;
  let stage: Stage;

  beforeAll(async () => {
    main = buildOld(OLD);
    stage = await Stage.open({
      speed: 10,
      people: PEOPLE,
      settings: { RELAY_DRAIN_MS: '5000' },
      main,
      extras: {},
    });
  });

  afterAll(() => stage?.close());

  test.runIf(process.env.DRILL_RECORD === '1')('records what the old version leaves in Redis', async () => {
    writeFileSync(OLD_MAILBOXES, `${JSON.stringify(await recordMailboxes(main), null, 1)}\n`);
  });

  test('nothing lost, no connection refused, and the new version reads mail that the old one stored', async () => {
    const away: PlainUser[] = [];
    while (away.length < AWAY) away.push(await registerUser(stage.http));
    const writer = await registerUser(stage.http);
    const before = await write(writer, away, 0);
    const rolled = await roll(stage, { people: PEOPLE, perSecond: PER_SECOND });
    const after = await write(writer, away, WAITING);
    console.log(JSON.stringify({ from: OLD, ...rolled.report }, null, 2));
    expect(rolled.verdict.examples).toEqual([]);
    expect(rolled.verdict.result).toBe('pass');
    expect(rolled.refusedByHaproxy).toBe(0);
    expect(stage.journal.errors).toEqual(new Map());
    for (const user of away) {
      const client = await PlainClient.login(stage.ws, user);
      await client.untilEnvelopes(2 * WAITING);
      expect(client.envelopes).toEqual([...(before.get(user) ?? []), ...(after.get(user) ?? [])]);
      await client.close();
    }
  });

  /** So many envelopes to each; resolves once all are accepted, with the frames in order. */
  async function write(
    writer: PlainUser,
    recipients: readonly PlainUser[],
    from: number,
  ): Promise<ReadonlyMap<PlainUser, readonly string[]>> {
    const client = await PlainClient.login(stage.ws, writer);
    const frames = new Map<PlainUser, string[]>();
    for (const user of recipients) {
      const own = Array.from({ length: WAITING }, (_, index) => {
        const id = `${user.code}-${from + index}`;
        return frameOf(writer, envelopeText({ sender: writer.code, recipient: user.code, id }));
      });
      for (const frame of own) client.send(frame);
      frames.set(user, own);
    }
    await client.until(() => client.accepted().length === recipients.length * WAITING);
    await client.close();
    return frames;
  }
});
