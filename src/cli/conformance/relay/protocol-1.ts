import { connectText, demand, envelope, frameOf, same } from '../peer.ts';
import type { Case } from './case.ts';

const SECTION = '3 Protocol 1';

export const PROTOCOL_1_CASES: readonly Case[] = [
  {
    section: SECTION,
    name: 'connect_ack without a payload comes first, then what waited, in order',
    run: async (target) => {
      const [alice, bob] = [await target.user(), await target.user()];
      const fromAlice = await target.login(alice, 1);
      same('the payload of connect_ack', fromAlice.ack.payload, {});
      same('the subprotocol', fromAlice.ws.protocol, '');
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
    section: SECTION,
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
      dying.ws.terminate();
      const again = await target.login(bob, 1);
      same('D after the reconnect', (await again.envelope()).data, data);
      await again.pinged(1);
      await again.quiet('the pong was sent');
      again.ws.terminate();
      const third = await target.login(bob, 1);
      await third.quiet('the envelope was confirmed');
    },
  },
  {
    section: SECTION,
    name: 'a second connect, and one with anything more, are bad_frame',
    run: async (target) => {
      const user = await target.user();
      const socket = await target.login(user, 1);
      socket.ws.send(frameOf(user, connectText(user.code)));
      await socket.refused('bad_frame');
      const other = await target.dial();
      other.ws.send(frameOf(user, `{"sender":"${user.code}","id":"more","message":{"type":"connect"}}`));
      await other.refused('bad_frame');
      await other.closedWith(4400);
    },
  },
];
