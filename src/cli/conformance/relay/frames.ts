import { demand, envelope, frameOf, idOf, same, sha256, signature } from '../peer.ts';
import { type Case, pair, SMALL_ORDER } from './case.ts';

const SECTION = '2 Frames';

export const FRAME_CASES: readonly Case[] = [
  {
    section: SECTION,
    name: 'what is delivered are the very bytes that were signed',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const head = `"sender":"${alice.code}" , "recipient":"${bob.code}","id":"bytes"`;
      const data = `{ "message":\t{"payload":[1.0, 1e2, -0, "\\u00e9é\\/", {"a":{}}],"type":"note"},  "more":null,${head} }`;
      fromAlice.ws.send(
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
        'a malformed id',
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
      section: SECTION,
      name: `${name}: bad_frame, and the socket stays open`,
      run: async (target) => {
        const { alice, bob, fromAlice, toBob } = await pair(target);
        fromAlice.ws.send(frameOf(alice, write(alice.code, bob.code)));
        await fromAlice.refused('bad_frame');
        await fromAlice.deliver(alice, envelope(alice, bob.code, '"behind it"'));
        demand((await toBob.envelope()).data.includes('behind it'), 'what was refused was delivered');
      },
    }),
  ),
  {
    section: SECTION,
    name: 'a wrong signature is refused with length and SHA-256 of the bytes that were checked',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const data = envelope(alice, bob.code, '{"ü":1}');
      fromAlice.ws.send(`{"data":${data},"signature":"${signature(alice, `${data} `)}"}`);
      const detail = String((await fromAlice.refused('bad_signature')).detail);
      demand(detail.includes(sha256(data)), `the detail lacks SHA-256 ${sha256(data)}: ${detail}`);
      demand(detail.includes(String(Buffer.byteLength(data))), `the detail lacks the length: ${detail}`);
      await toBob.quiet('nothing was rightly signed');
    },
  },
  {
    section: SECTION,
    name: "an envelope in another user's name is sender_mismatch",
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      fromAlice.ws.send(frameOf(alice, envelope({ ...alice, code: bob.code }, bob.code, '1')));
      await fromAlice.refused('sender_mismatch');
      await toBob.quiet('the sender was another');
    },
  },
  {
    section: SECTION,
    name: 'an id repeated with the same bytes is answered again and stored once; with others it is id_conflict',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const data = envelope(alice, bob.code, '"once"');
      await fromAlice.deliver(alice, data);
      await fromAlice.deliver(alice, data);
      same('D', (await toBob.envelope()).data, data);
      fromAlice.ws.send(frameOf(alice, envelope(alice, bob.code, '"twice"', { id: idOf(data) })));
      same('the id of the error', (await fromAlice.refused('id_conflict')).id, idOf(data));
      await toBob.quiet('the repetition was stored before');
    },
  },
  {
    section: SECTION,
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
      fromAlice.ws.send(frameOf(alice, sized(most + 1)));
      await fromAlice.refused('too_large');
      await fromAlice.closedWith(1009);
    },
  },
  {
    section: SECTION,
    name: 'a binary frame closes with 4400',
    run: async (target) => {
      const { fromAlice } = await pair(target);
      fromAlice.ws.send(Buffer.from('{}'));
      await fromAlice.closedWith(4400);
    },
  },
];
