import { connectText, demand, envelope, frameOf, newExchangeKey, proof, same } from '../peer.ts';
import { type Case, pair } from './case.ts';

const SECTION = '4 Protocol 2';

export const PROTOCOL_2_CASES: readonly Case[] = [
  {
    section: SECTION,
    name: 'the relay speaks first, with a fresh nonce each time',
    run: async (target) => {
      const socket = await target.dial(['relay.v1', 'relay.v2']);
      same('the subprotocol', socket.ws.protocol, 'relay.v2');
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
    section: SECTION,
    name: 'a connect of another challenge, and one for another audience, are bad_challenge, 4401',
    run: async (target) => {
      const user = await target.user();
      const first = await target.dial(['relay.v2']);
      const { nonce } = await first.challenge();
      const replayed = frameOf(user, connectText(user.code, { nonce, audience: target.socket }));
      const second = await target.dial(['relay.v2']);
      await second.challenge();
      second.ws.send(replayed);
      await second.refused('bad_challenge');
      await second.closedWith(4401);
      const third = await target.dial(['relay.v2']);
      const challenge = await third.challenge();
      // A relay that names no URL of its own takes every audience.
      if (challenge.audience === null) return;
      const audience = 'wss://elsewhere.example/ws';
      third.ws.send(frameOf(user, connectText(user.code, { nonce: challenge.nonce, audience })));
      await third.refused('bad_challenge');
      await third.closedWith(4401);
    },
  },
  {
    section: SECTION,
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
    section: SECTION,
    name: 'an envelope leaves the mailbox with the ack, which is cumulative; pongs confirm nothing',
    run: async (target) => {
      const { alice, bob, fromAlice, toBob } = await pair(target);
      const sent = [1, 2, 3].map((number) => envelope(alice, bob.code, String(number)));
      for (const data of sent) await fromAlice.deliver(alice, data);
      const seqs: string[] = [];
      for (const _ of sent) seqs.push(String((await toBob.envelope()).seq));
      toBob.ws.send(JSON.stringify({ ack: 'unknown-1' }));
      toBob.ws.send(JSON.stringify({ ack: seqs[1] }));
      await toBob.quiet('an ack has no answer');
      toBob.ws.terminate();
      const again = await target.login(bob, 2);
      same('queued', again.ack.payload.queued, 1);
      same('D', (await again.envelope()).data, sent[2]);
    },
  },
  {
    section: SECTION,
    name: 'after protocol 2, protocol 1 is protocol_required, 4401',
    run: async (target) => {
      const user = await target.user();
      (await target.login(user, 2)).ws.terminate();
      const back = await target.dial();
      back.ws.send(frameOf(user, connectText(user.code)));
      await back.refused('protocol_required');
      await back.closedWith(4401);
    },
  },
  {
    section: SECTION,
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
    section: SECTION,
    name: 'a command that no relay knows is unknown_command; one with a wrong payload bad_command',
    run: async (target) => {
      const user = await target.user();
      const socket = await target.login(user, 2);
      await socket.fromServer('drained');
      socket.ws.send(frameOf(user, envelope(user, 'server', '{}', { type: 'no_such_command' })));
      await socket.refused('unknown_command');
      socket.ws.send(frameOf(user, envelope(user, 'server', '{"code":7}', { type: 'block' })));
      await socket.refused('bad_command');
    },
  },
  {
    section: SECTION,
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
      socket.ws.send(frameOf(user, rotate(proof(user))));
      await socket.refused('bad_command');
      await socket.deliver(user, rotate(proof(user, next)));
      const { body } = await target.ask(`/users/${user.code}`);
      same('the key and its proof', [body.ecdh_public_key, body.proof], [next, proof(user, next)]);
    },
  },
];
