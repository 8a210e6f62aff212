import {
  connectText,
  demand,
  envelope,
  frameOf,
  idOf,
  newExchangeKey,
  newKeys,
  proof,
  type Socket,
  same,
  sha256,
  signature,
  type Target,
  type User,
} from './peer.ts';

/** One promise of docs/protocol.md, and how a stranger can see whether a relay keeps it. Throws `Nonconforming`. */
export interface Case {
  readonly section: string;
  readonly name: string;
  readonly run: (target: Target) => Promise<void>;
}

const USERS = '1 Users';
const FRAMES = '2 Frames';
const PROTOCOL_1 = '3 Protocol 1';
const PROTOCOL_2 = '4 Protocol 2';
const SAYS = '5 What the relay says';

const SMALL_ORDER = `01${'00'.repeat(31)}`;
const NOT_CANONICAL = `ed${'ff'.repeat(30)}7f`;

/** Alice and Bob, logged in by protocol 2, after `drained`. */
async function pair(target: Target): Promise<{ alice: User; bob: User; fromAlice: Socket; toBob: Socket }> {
  const [alice, bob] = [await target.user(), await target.user()];
  const [fromAlice, toBob] = [await target.login(alice, 2), await target.login(bob, 2)];
  await fromAlice.fromServer('drained');
  await toBob.fromServer('drained');
  return { alice, bob, fromAlice, toBob };
}

function bodyOf({ ecdhPublicKey, eddsaPublicKey }: ReturnType<typeof newKeys>): Record<string, string> {
  return { ecdh_public_key: ecdhPublicKey, eddsa_public_key: eddsaPublicKey };
}

async function problem(target: Target, status: number, what: string, body: object | string, type?: string) {
  const answer = await target.post(body, type);
  demand(
    answer.status === status,
    `${what} was answered with ${answer.status}, and should be with ${status}`,
  );
  same(
    `the content type of the ${status}`,
    answer.headers.get('content-type')?.split(';')[0],
    'application/problem+json',
  );
}

export const CASES: readonly Case[] = [
  {
    section: USERS,
    name: 'a pair of keys becomes a user, and the same pair again is the same user',
    run: async (target) => {
      const keys = newKeys();
      const first = await target.post(bodyOf(keys));
      same('the status', first.status, 201);
      const {
        id,
        code,
        name,
        created_at: created,
        ecdh_public_key: ecdh,
        eddsa_public_key: eddsa,
      } = first.body;
      demand(Number.isInteger(id) && Number(id) >= 1, `id is ${String(id)}, and should count from 1`);
      demand(/^[0-9A-HJKMNP-TV-Z]{7}$/.test(String(code)), `${String(code)} is no code`);
      same('name', name, null);
      same('the keys', { ecdh_public_key: ecdh, eddsa_public_key: eddsa }, bodyOf(keys));
      demand(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(String(created)),
        `created_at is ${String(created)}, and should have six decimals and Z`,
      );
      same('Cache-Control', first.headers.get('cache-control'), 'no-store');
      const upper = Object.fromEntries(
        Object.entries(bodyOf(keys)).map(([key, hex]) => [key, hex.toUpperCase()]),
      );
      const again = await target.post(upper);
      same('the status of the repetition', again.status, 200);
      same('the user of the repetition', again.body, first.body);
    },
  },
  {
    section: USERS,
    name: 'bad keys, a wrong proof and bad bodies are refused, each with its status',
    run: async (target) => {
      const good = bodyOf(newKeys());
      await problem(target, 400, 'a key that is no hex', { ...good, ecdh_public_key: 'x'.repeat(64) });
      await problem(target, 400, 'an X25519 key of small order', { ...good, ecdh_public_key: SMALL_ORDER });
      await problem(target, 400, 'an X25519 key that is not canonical', {
        ...good,
        ecdh_public_key: NOT_CANONICAL,
      });
      await problem(target, 400, 'an Ed25519 key of small order', { ...good, eddsa_public_key: SMALL_ORDER });
      await problem(target, 400, 'a wrong proof', { ...good, proof: 'ab'.repeat(64) });
      await problem(target, 400, 'two equal names', `{"ecdh_public_key":"","ecdh_public_key":""}`);
      await problem(target, 415, 'text/plain', good, 'text/plain');
      await problem(target, 413, 'more than 4 KiB', { ...good, more: 'x'.repeat(5_000) });
      const { status, headers } = await target.ask('/users', { method: 'DELETE' });
      same('the status of DELETE', status, 405);
      demand(headers.get('allow') !== null, 'the 405 has no Allow');
    },
  },
  {
    section: USERS,
    name: 'a claimed key keeps its X25519 key: another pair is 409',
    run: async (target) => {
      const user = await target.user();
      const other = newExchangeKey();
      await problem(target, 409, 'a claimed Ed25519 key with another X25519 key', {
        ...bodyOf({ ...user, ecdhPublicKey: other }),
        proof: proof(user, other),
      });
    },
  },
  {
    section: USERS,
    name: 'a look-up gives the user with the proof, reads codes forgivingly, and is 404 for others',
    run: async (target) => {
      const user = await target.user();
      const found = await target.ask(
        `/users/${user.code.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l')}`,
      );
      same('the status', found.status, 200);
      same('the code', found.body.code, user.code);
      same('the proof', found.body.proof, proof(user));
      same('the status of no code', (await target.ask('/users/UUUUUUU')).status, 404);
      same('the status of HEAD', (await target.ask(`/users/${user.code}`, { method: 'HEAD' })).status, 200);
    },
  },
  {
    section: FRAMES,
    name: 'what is delivered are the very bytes that were signed',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const head = `"sender":"${alice.code}" , "recipient":"${bob.code}","id":"bytes"`;
      const data = `{ "message":\t{"payload":[1.0, 1e2, -0, "\\u00e9é\\/", {"a":{}}],"type":"note"},  "more":null,${head} }`;
      fromAlice.send(
        `\n{ "signature" : "${signature(alice, data).toUpperCase()}", "data":${data} , "extra":1}`,
      );
      await fromAlice.fromServer('accepted');
      const got = await toBob.envelope();
      same('D', got.data, data);
      same('the signature', got.signature, signature(alice, data));
      demand(got.seq !== null && got.seq !== '', 'by protocol 2 it has no seq');
    },
  },
  ...(
    [
      [
        'equal names, once escaped',
        (me, to) => `{"sender":"${me}","\\u0073ender":"${me}","recipient":"${to}","message":{"type":"note"}}`,
      ],
      [
        'equal names deep in the payload',
        (me, to) =>
          `{"sender":"${me}","recipient":"${to}","message":{"type":"note","payload":[{"a":1,"a":1}]}}`,
      ],
      [
        'a name equal to ours but for case',
        (me, to) => `{"sender":"${me}","Recipient":"${to}","recipient":"${to}","message":{"type":"note"}}`,
      ],
      [
        '__proto__',
        (me, to) =>
          `{"sender":"${me}","recipient":"${to}","message":{"type":"note","payload":{"__proto__":1}}}`,
      ],
      [
        'a lone surrogate',
        (me, to) => `{"sender":"${me}","recipient":"${to}","message":{"type":"note","payload":"\\ud800"}}`,
      ],
      [
        'a depth over 8',
        (me, to) =>
          `{"sender":"${me}","recipient":"${to}","message":{"type":"note","payload":[[[[[[1]]]]]]}}`,
      ],
      ['no recipient', (me) => `{"sender":"${me}","message":{"type":"note"}}`],
      [
        'a code in lower case',
        (me, to) => `{"sender":"${me}","recipient":"${to.toLowerCase()}","message":{"type":"note"}}`,
      ],
      [
        "one of the relay's own types",
        (me, to) => `{"sender":"${me}","recipient":"${to}","message":{"type":"accepted"}}`,
      ],
      ['a type of capitals', (me, to) => `{"sender":"${me}","recipient":"${to}","message":{"type":"Note"}}`],
      [
        'an id that is none',
        (me, to) => `{"sender":"${me}","recipient":"${to}","id":"a b","message":{"type":"note"}}`,
      ],
      [
        'an exchange without a key',
        (me, to) => `{"sender":"${me}","recipient":"${to}","message":{"type":"key_exchange","payload":{}}}`,
      ],
      [
        'an exchange key of small order',
        (me, to) =>
          `{"sender":"${me}","recipient":"${to}","message":{"type":"key_exchange","payload":{"ecdh_public_key":"${SMALL_ORDER}"}}}`,
      ],
    ] as const satisfies readonly (readonly [string, (me: string, to: string) => string])[]
  ).map(
    ([name, write]): Case => ({
      section: FRAMES,
      name: `${name}: bad_frame, and the socket stays open`,
      run: async (target) => {
        const { alice, bob, fromAlice, toBob } = await pair(target);
        fromAlice.send(frameOf(alice, write(alice.code, bob.code)));
        await fromAlice.refused('bad_frame');
        await fromAlice.deliver(alice, envelope(alice, bob.code, '"behind it"'));
        demand((await toBob.envelope()).data.includes('behind it'), 'what was refused was delivered');
      },
    }),
  ),
  {
    section: FRAMES,
    name: 'a wrong signature is told with length and SHA-256 of the bytes that were checked',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const data = envelope(alice, bob.code, '{"ü":1}');
      fromAlice.send(`{"data":${data},"signature":"${signature(alice, `${data} `)}"}`);
      const detail = String((await fromAlice.refused('bad_signature')).detail);
      demand(detail.includes(sha256(data)), `the detail lacks SHA-256 ${sha256(data)}: ${detail}`);
      demand(detail.includes(String(Buffer.byteLength(data))), `the detail lacks the length: ${detail}`);
      await toBob.quiet('nothing was rightly signed');
    },
  },
  {
    section: FRAMES,
    name: "an envelope in another user's name is sender_mismatch",
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      fromAlice.send(frameOf(alice, envelope({ ...alice, code: bob.code }, bob.code, '1')));
      await fromAlice.refused('sender_mismatch');
      await toBob.quiet('the sender was another');
    },
  },
  {
    section: FRAMES,
    name: 'an id repeated with the same bytes is answered again and stored once; with others it is id_conflict',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const data = envelope(alice, bob.code, '"once"');
      await fromAlice.deliver(alice, data);
      await fromAlice.deliver(alice, data);
      same('D', (await toBob.envelope()).data, data);
      fromAlice.send(frameOf(alice, envelope(alice, bob.code, '"twice"', { id: idOf(data) })));
      same('the id of the error', (await fromAlice.refused('id_conflict')).id, idOf(data));
      await toBob.quiet('the repetition was stored before');
    },
  },
  {
    section: FRAMES,
    name: 'a frame of the largest size passes; one byte more is too_large, then 1009',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const { limits } = fromAlice.ack.payload as { limits?: { max_frame_bytes?: number } };
      const most = limits?.max_frame_bytes ?? 65_536;
      const sized = (bytes: number) => {
        const empty = envelope(alice, bob.code, '""');
        const rest = bytes - Buffer.byteLength(frameOf(alice, empty));
        return empty.replace('"payload":""', `"payload":"${'x'.repeat(rest)}"`);
      };
      const data = sized(most);
      await fromAlice.deliver(alice, data);
      same('D', (await toBob.envelope()).data === data, true);
      fromAlice.send(frameOf(alice, sized(most + 1)));
      await fromAlice.refused('too_large');
      await fromAlice.closedWith(1009);
    },
  },
  {
    section: FRAMES,
    name: 'a binary frame closes with 4400',
    run: async (target) => {
      const { fromAlice } = await pair(target);
      fromAlice.send(Buffer.from('{}'));
      await fromAlice.closedWith(4400);
    },
  },
  {
    section: PROTOCOL_1,
    name: 'connect_ack without a payload comes first, then what waited, in order',
    run: async (target) => {
      const [alice, bob] = [await target.user(), await target.user()];
      const fromAlice = await target.login(alice, 1);
      same('the payload of connect_ack', fromAlice.ack.payload, {});
      same('the subprotocol', fromAlice.subprotocol, '');
      const sent = [1, 2, 3].map((number) => envelope(alice, bob.code, String(number)));
      for (const data of sent) await fromAlice.deliver(alice, data);
      const toBob = await target.login(bob, 1);
      for (const data of sent) {
        const got = await toBob.envelope();
        same('D', got.data, data);
        same('the seq, which protocol 1 has not,', got.seq, null);
      }
    },
  },
  {
    section: PROTOCOL_1,
    name: 'an envelope leaves the mailbox with the pong, not before',
    run: async (target) => {
      const [alice, bob] = [await target.user(), await target.user()];
      const fromAlice = await target.login(alice, 1);
      const data = envelope(alice, bob.code, '"kept"');
      await fromAlice.deliver(alice, data);
      const dying = await target.login(bob, 1, { answersPings: false });
      same('D', (await dying.envelope()).data, data);
      await dying.pinged(1);
      demand((dying.pings[0] ?? '').length <= 40, 'the data of the ping is longer than 40 bytes');
      dying.drop();
      const again = await target.login(bob, 1);
      same('D after the reconnect', (await again.envelope()).data, data);
      await again.pinged(1);
      await again.quiet('the pong was sent');
      again.drop();
      const third = await target.login(bob, 1);
      await third.quiet('the envelope was confirmed');
    },
  },
  {
    section: PROTOCOL_1,
    name: 'a second connect, and one with anything more, are bad_frame',
    run: async (target) => {
      const user = await target.user();
      const socket = await target.login(user, 1);
      socket.send(frameOf(user, connectText(user.code)));
      await socket.refused('bad_frame');
      const other = await target.dial();
      other.send(frameOf(user, `{"sender":"${user.code}","id":"more","message":{"type":"connect"}}`));
      await other.refused('bad_frame');
      await other.closedWith(4400);
    },
  },
  {
    section: PROTOCOL_2,
    name: 'the relay speaks first, with a fresh nonce each time',
    run: async (target) => {
      const socket = await target.dial(['relay.v1', 'relay.v2']);
      same('the subprotocol', socket.subprotocol, 'relay.v2');
      const { nonce, audience } = await socket.challenge();
      demand(/^[0-9a-f]{64}$/.test(nonce), `the nonce is ${nonce}, and should be 64 hex`);
      demand(
        audience === null || audience === target.socket,
        `the audience is ${String(audience)}, but ${target.socket} was dialled`,
      );
      demand(
        (await (await target.dial(['relay.v2'])).challenge()).nonce !== nonce,
        'two sockets got one nonce',
      );
    },
  },
  {
    section: PROTOCOL_2,
    name: 'a connect of another challenge, and one for another audience, are bad_challenge, 4401',
    run: async (target) => {
      const user = await target.user();
      const first = await target.dial(['relay.v2']);
      const { nonce } = await first.challenge();
      const replayed = frameOf(user, connectText(user.code, { nonce, audience: target.socket }));
      const second = await target.dial(['relay.v2']);
      await second.challenge();
      second.send(replayed);
      await second.refused('bad_challenge');
      await second.closedWith(4401);
      const third = await target.dial(['relay.v2']);
      const challenge = await third.challenge();
      // A relay that names no URL of its own takes every audience.
      if (challenge.audience === null) return;
      const audience = 'wss://elsewhere.example/ws';
      third.send(frameOf(user, connectText(user.code, { nonce: challenge.nonce, audience })));
      await third.refused('bad_challenge');
      await third.closedWith(4401);
    },
  },
  {
    section: PROTOCOL_2,
    name: 'connect_ack says what waits and what the limits are; drained comes once, also if nothing waited',
    run: async (target) => {
      const [alice, bob] = [await target.user(), await target.user()];
      const fromAlice = await target.login(alice, 2);
      same('queued', fromAlice.ack.payload.queued, 0);
      await fromAlice.fromServer('drained');
      await fromAlice.deliver(alice, envelope(alice, bob.code, '1'));
      const toBob = await target.login(bob, 2);
      same('queued', toBob.ack.payload.queued, 1);
      demand(!Number.isNaN(Date.parse(String(toBob.ack.payload.server_time))), 'server_time is no time');
      for (const limit of [
        'max_frame_bytes',
        'mailbox_envelopes',
        'mailbox_bytes',
        'mailbox_ttl_s',
        'window_envelopes',
        'window_bytes',
        'envelopes_per_s',
        'bytes_per_s',
      ]) {
        const limits = toBob.ack.payload.limits as Record<string, unknown>;
        demand(typeof limits?.[limit] === 'number', `limits.${limit} is missing`);
      }
      await toBob.envelope();
      await toBob.fromServer('drained');
      await toBob.quiet('everything was said');
    },
  },
  {
    section: PROTOCOL_2,
    name: 'an envelope leaves the mailbox with the ack, which is cumulative; pongs confirm nothing',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const sent = [1, 2, 3].map((number) => envelope(alice, bob.code, String(number)));
      for (const data of sent) await fromAlice.deliver(alice, data);
      const seqs: string[] = [];
      for (const _ of sent) seqs.push(String((await toBob.envelope()).seq));
      toBob.send(JSON.stringify({ ack: 'unknown-1' }));
      toBob.send(JSON.stringify({ ack: seqs[1] }));
      await toBob.quiet('an ack has no answer');
      toBob.drop();
      const again = await target.login(bob, 2);
      same('queued', again.ack.payload.queued, 1);
      same('D', (await again.envelope()).data, sent[2]);
    },
  },
  {
    section: PROTOCOL_2,
    name: 'after protocol 2, protocol 1 is protocol_required, 4401',
    run: async (target) => {
      const user = await target.user();
      (await target.login(user, 2)).drop();
      const back = await target.dial();
      back.send(frameOf(user, connectText(user.code)));
      await back.refused('protocol_required');
      await back.closedWith(4401);
    },
  },
  {
    section: PROTOCOL_2,
    name: 'a blocked sender is answered as ever, and nothing arrives, until it is unblocked',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const command = (type: string) => envelope(bob, 'server', `{"code":"${alice.code}"}`, { type });
      await toBob.deliver(bob, command('block'));
      await fromAlice.deliver(alice, envelope(alice, bob.code, '"blocked"'));
      await toBob.quiet('its sender is blocked');
      await toBob.deliver(bob, command('unblock'));
      await fromAlice.deliver(alice, envelope(alice, bob.code, '"heard"'));
      demand((await toBob.envelope()).data.includes('heard'), 'what was blocked was delivered');
    },
  },
  {
    section: PROTOCOL_2,
    name: 'a command that no relay knows is unknown_command; one with a wrong payload bad_command',
    run: async (target) => {
      const user = await target.user();
      const socket = await target.login(user, 2);
      await socket.fromServer('drained');
      socket.send(frameOf(user, envelope(user, 'server', '{}', { type: 'no_such_command' })));
      await socket.refused('unknown_command');
      socket.send(frameOf(user, envelope(user, 'server', '{"code":7}', { type: 'block' })));
      await socket.refused('bad_command');
    },
  },
  {
    section: PROTOCOL_2,
    name: 'rotate replaces the registered key, by a proof over the new pair alone',
    run: async (target) => {
      const user = await target.user();
      const socket = await target.login(user, 2);
      await socket.fromServer('drained');
      const next = newExchangeKey();
      const rotate = (signed: string) =>
        envelope(user, 'server', JSON.stringify({ ecdh_public_key: next, proof: signed }), {
          type: 'rotate',
        });
      socket.send(frameOf(user, rotate(proof(user))));
      await socket.refused('bad_command');
      await socket.deliver(user, rotate(proof(user, next)));
      const { body } = await target.ask(`/users/${user.code}`);
      same('the key and its proof', [body.ecdh_public_key, body.proof], [next, proof(user, next)]);
    },
  },
  {
    section: SAYS,
    name: 'before the login: an envelope is not_connected, 4401; a malformed frame 4400',
    run: async (target) => {
      const user = await target.user();
      const early = await target.dial();
      early.send(frameOf(user, envelope(user, user.code, '1')));
      await early.refused('not_connected');
      await early.closedWith(4401);
      const broken = await target.dial();
      broken.send('{');
      await broken.refused('bad_frame');
      await broken.closedWith(4400);
    },
  },
  {
    section: SAYS,
    name: 'an unknown code gets the same bad_signature as a wrong key, 4401',
    run: async (target) => {
      const user = await target.user();
      const details: string[] = [];
      for (const frame of [
        frameOf(newKeys(), connectText(user.code)),
        frameOf(user, connectText('ZZZZZZZ')),
      ]) {
        const socket = await target.dial();
        socket.send(frame);
        details.push(String((await socket.refused('bad_signature')).detail).replace(/[0-9a-f]{64}|\d+/g, ''));
        await socket.closedWith(4401);
      }
      same('the detail for an unknown code', details[1], details[0]);
    },
  },
  {
    section: SAYS,
    name: 'an envelope to nobody is recipient_unknown, with its id',
    run: async (target) => {
      const user = await target.user();
      const socket = await target.login(user, 2);
      await socket.fromServer('drained');
      const data = envelope(user, 'ZZZZZZZ', '1');
      socket.send(frameOf(user, data));
      same('the id of the error', (await socket.refused('recipient_unknown')).id, idOf(data));
    },
  },
  {
    section: SAYS,
    name: 'a newer connection of the same user closes the older with 4409',
    run: async (target) => {
      const user = await target.user();
      const older = await target.login(user, 2);
      await target.login(user, 2);
      await older.fromServer('drained');
      await older.closedWith(4409);
    },
  },
  {
    section: SAYS,
    name: 'a socket that does not log in is closed with 4408',
    run: async (target) => {
      const socket = await target.dial(['relay.v2']);
      await socket.challenge();
      await socket.closedWith(4408);
    },
  },
];
