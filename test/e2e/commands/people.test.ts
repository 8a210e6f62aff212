import { beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, admin } from '../../support/clients/admin.ts';
import { sendStored } from '../../support/clients/scene.ts';
import { command, commandText } from '../../support/plain/commands.ts';
import { envelopeFrame, envelopeText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { makeKeys, type PlainUser, registerUser } from '../../support/plain/users.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';

/** docs/protocol.md, section 4: whom a user hears, by commands to `server`. */
const redis = redisForTests();
const processes = processesForTests();
let relays: readonly RelayNode[];

beforeAll(async () => {
  const alone = { RELAY_ADMIN_TOKEN: ADMIN_TOKEN };
  const url = { ...alone, RELAY_REDIS_URL: redis.url };
  relays = await Promise.all([processes.relay(alone), processes.relay(url), processes.relay(url)]);
});

interface Talker {
  readonly user: PlainUser;
  readonly socket: PlainClient;
}

async function talker(relay: RelayNode, at = relay): Promise<Talker> {
  const user = await registerUser(relay.http);
  return { user, socket: await PlainClient.login(at.ws, user, { protocol: 2 }) };
}

/** Resolves once `from` has been told that it is stored. */
async function say(from: Talker, to: PlainUser, payload: string): Promise<void> {
  await sendStored(from.socket, { sender: from.user, recipient: to.code, payload });
}

let requests = 0;
async function ask(from: Talker, to: PlainUser): Promise<void> {
  requests += 1;
  const id = `request-${requests}`;
  const payload = { ecdh_public_key: makeKeys().ecdhPublicKey };
  from.socket.send(envelopeFrame(from.user, { recipient: to.code, id, type: 'key_exchange', payload }));
  await from.socket.until(() => from.socket.accepted().includes(id));
}

/** A delivered envelope as `report` takes it. */
function shown(text: string) {
  const [, data = '', signature = ''] = /^\{"data":(.*),"signature":"([0-9a-f]{128})"/.exec(text) ?? [];
  return { data, signature };
}

/** What came to one of the others, as payload or type. */
const heard = ({ socket }: Talker): unknown[] =>
  socket.envelopes.map((text) => {
    const { message } = JSON.parse(text).data;
    return message.type === 'message' ? message.payload : message.type;
  });

for (const [name, home, away] of [
  ['in memory', 0, 0],
  ['in Redis, with everybody on another node', 1, 2],
] as const) {
  describe(`commands ${name}`, () => {
    const people = async () => {
      const [one, other] = [relays[home], relays[away]] as [RelayNode, RelayNode];
      return [await talker(one), await talker(one, other), await talker(one, other)] as const;
    };

    it('block refuses everything of one sender, who still gets accepted, until unblock', async () => {
      const [bob, eve, carol] = await people();
      await say(eve, bob.user, 'before');
      expect(await command(bob.socket, bob.user, 'block', { code: eve.user.code })).toEqual({});
      await say(eve, bob.user, 'blocked');
      await ask(eve, bob.user);
      await say(carol, bob.user, 'hello');
      await bob.socket.untilEnvelopes(2);
      expect(await command(bob.socket, bob.user, 'blocks')).toEqual({ result: { codes: [eve.user.code] } });
      expect(await command(bob.socket, bob.user, 'unblock', { code: eve.user.code })).toEqual({});
      await say(eve, bob.user, 'after');
      await bob.socket.untilEnvelopes(3);
      expect(heard(bob)).toEqual(['before', 'hello', 'after']);
      expect(await command(bob.socket, bob.user, 'blocks')).toEqual({ result: { codes: [] } });
      // The blocked one may be written to all the same.
      await say(bob, eve.user, 'from bob');
      await eve.socket.untilEnvelopes(1);
    });

    it('policy "known" lets an unknown person ask once; a person who was written to may write back', async () => {
      const [bob, eve, carol] = await people();
      expect(await command(bob.socket, bob.user, 'policy', { accept: 'known' })).toEqual({});
      await say(eve, bob.user, 'unasked');
      await ask(eve, bob.user);
      await ask(eve, bob.user);
      await say(eve, bob.user, 'impatient');
      await say(bob, carol.user, 'hello carol');
      await say(carol, bob.user, 'hello bob');
      await say(bob, eve.user, 'hello eve');
      await say(eve, bob.user, 'at last');
      await bob.socket.untilEnvelopes(3);
      expect(heard(bob)).toEqual(['key_exchange', 'hello bob', 'at last']);
      expect(await command(bob.socket, bob.user, 'policy', { accept: 'anyone' })).toEqual({});
    });

    it('policy "known" counts as known those written to before on this socket, and those it names', async () => {
      const [bob, eve, carol] = await people();
      // Not yet answered when the policy is sent: it counts even so.
      const first = envelopeText({ sender: bob.user.code, recipient: eve.user.code, payload: 'hello' });
      bob.socket.sendData(bob.user, first);
      const known = [carol.user.code];
      expect(await command(bob.socket, bob.user, 'policy', { accept: 'known', known })).toEqual({});
      await say(eve, bob.user, 'eve');
      await say(carol, bob.user, 'carol');
      await bob.socket.untilEnvelopes(2);
      expect(heard(bob)).toEqual(['eve', 'carol']);
    });

    it('report shows operators what a user sent, once, and no more than one a minute', async () => {
      const [bob, eve] = await people();
      await say(eve, bob.user, 'nasty');
      await say(eve, bob.user, 'nastier');
      await bob.socket.untilEnvelopes(2);
      const envelopes = bob.socket.envelopes.map(shown);
      const payload = { code: eve.user.code, envelopes, reason: 'She sells watches.' };
      const text = commandText(bob.user.code, 'report', payload, 'report-1');
      for (const times of [1, 2]) {
        bob.socket.sendData(bob.user, text);
        await bob.socket.until(
          () => bob.socket.accepted().filter((id) => id === 'report-1').length === times,
        );
      }
      expect((await command(bob.socket, bob.user, 'report', payload)).error).toMatchObject({
        code: 'rate_limited',
        retry_after_ms: 60_000,
      });
      const { json } = await admin(relays[away] as RelayNode, 'GET', '/v1/reports');
      const { items } = json as { items: { reporter: string }[] };
      expect(items.filter(({ reporter }) => reporter === bob.user.code)).toEqual([
        {
          at: expect.stringMatching(/^20.*Z$/),
          id: 'report-1',
          reporter: bob.user.code,
          key: eve.user.eddsaPublicKey,
          ...payload,
        },
      ]);
      expect(relays[home]?.output).toContain('"a user was reported"');
      expect(relays[home]?.output).not.toContain('nasty');
    });

    it('the policy holds over logins', async () => {
      const [bob, eve, carol] = await people();
      await command(bob.socket, bob.user, 'policy', { accept: 'known' });
      await bob.socket.close();
      const again = {
        ...bob,
        socket: await PlainClient.login(relays[away]?.ws ?? '', bob.user, { protocol: 2 }),
      };
      await say(eve, bob.user, 'unasked');
      await say(again, carol.user, 'hello carol');
      await say(carol, bob.user, 'hello bob');
      await again.socket.untilEnvelopes(1);
      expect(heard(again)).toEqual(['hello bob']);
    });
  });
}

describe('commands that are refused', () => {
  let bob: Talker;
  beforeAll(async () => {
    bob = await talker(relays[0] as RelayNode);
  });

  it.each([
    ['block', {}, /^block: code must be a code/],
    ['block', [], /^block: the payload of a command is a JSON object$/],
    ['block', { code: 'alice' }, /^block: code must be a code/],
    ['unblock', { code: 7 }, /^unblock: code must be a code/],
    ['blocks', { after: 'x' }, /^blocks: after must be next of the page before$/],
    ['policy', { accept: 'nobody' }, /^policy: accept must be "anyone" or "known"$/],
    ['policy', { accept: 'known', known: ['x'] }, /^policy: known must be a list of at most 5000 codes$/],
  ])('say what is wrong with the payload: %s %j', async (verb, payload, detail) => {
    const { user, socket } = await talker(relays[0] as RelayNode);
    const { error } = await command(socket, user, verb, payload);
    expect(error).toMatchObject({ code: 'bad_command', detail: expect.stringMatching(detail) });
  });

  interface Shown {
    readonly data: string;
    readonly signature: string;
  }
  const BAD_DATA = /^report: envelopes\[0\]\.data is not the data of an envelope$/;
  /** By what came to the reporter, and what came to another user. */
  const BAD_REPORTS: readonly (readonly [(mine: Shown, hers: Shown) => unknown, RegExp])[] = [
    [() => [], /^report: envelopes must be a list of 1 to 16$/],
    [(mine) => Array(17).fill(mine), /^report: envelopes must be a list of 1 to 16$/],
    [() => [null], /^report: envelopes\[0\] must be \{"data"/],
    [(mine) => [{ ...mine, signature: 'ab' }], /^report: signature must be 128 hex digits/],
    [(mine) => [{ ...mine, data: '{}' }], BAD_DATA],
    [(mine) => [{ ...mine, data: `${mine.data},"x":{}` }], BAD_DATA],
    [(mine, hers) => [mine, hers], /^report: envelopes\[1\] is not from \w{7} to you$/],
    [
      (mine) => [{ ...mine, data: mine.data.replace('from eve', 'something') }],
      /^report: envelopes\[0\] is not signed by/,
    ],
    [
      (mine) => [{ ...mine, data: mine.data.replace('from eve', 'x'.repeat(33_000)) }],
      /^report: the data of all envelopes may have 32768 bytes together$/,
    ],
  ];

  it('are reports of what the reported user has not sent to the reporter', async () => {
    const relay = relays[0] as RelayNode;
    const [eve, reporter, carol] = [await talker(relay), await talker(relay), await talker(relay)];
    await say(eve, reporter.user, 'from eve');
    await say(eve, carol.user, 'to carol');
    await carol.socket.untilEnvelopes(1);
    await reporter.socket.untilEnvelopes(1);
    const mine = shown(reporter.socket.envelopes[0] ?? '');
    const hers = shown(carol.socket.envelopes[0] ?? '');
    for (const [envelopes, detail] of BAD_REPORTS) {
      const payload = { code: eve.user.code, envelopes: envelopes(mine, hers) };
      const { error } = await command(reporter.socket, reporter.user, 'report', payload);
      expect(error).toMatchObject({ code: 'bad_command', detail: expect.stringMatching(detail) });
    }
    const payload = { code: reporter.user.code, envelopes: [mine] };
    expect((await command(carol.socket, carol.user, 'report', payload)).error).toMatchObject({
      detail: expect.stringMatching(/is not from \w{7} to you$/),
    });
  });

  it('would block oneself', async () => {
    const { error } = await command(bob.socket, bob.user, 'block', { code: bob.user.code });
    expect(error).toMatchObject({ code: 'bad_command', detail: 'block: code is your own' });
  });

  it('are unknown, and named', async () => {
    expect((await command(bob.socket, bob.user, 'format_disk', {})).error).toMatchObject({
      code: 'unknown_command',
      detail: expect.stringMatching(/^the relay has no command format_disk: there are block, /),
    });
  });

  it('have no id, or the signature of another', async () => {
    const text = `{"sender":"${bob.user.code}","recipient":"server","message":{"type":"blocks"}}`;
    bob.socket.sendData(bob.user, text);
    expect(await bob.socket.nextError()).toMatchObject({
      code: 'bad_frame',
      detail: expect.stringMatching(/^id is missing in data/),
    });
    bob.socket.sendData(makeKeys(), text.replace('"message"', '"id":"x","message"'));
    expect(await bob.socket.nextError()).toMatchObject({ code: 'bad_signature', id: 'x' });
  });

  it('are protocol 1: `server` is no recipient there', async () => {
    const relay = relays[0] as RelayNode;
    const user = await registerUser(relay.http);
    const socket = await PlainClient.login(relay.ws, user);
    socket.send(envelopeFrame(user, { recipient: 'server', id: 'x', type: 'blocks' }));
    expect(await socket.nextError()).toMatchObject({ code: 'bad_frame' });
  });
});
