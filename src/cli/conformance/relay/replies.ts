import { connectText, envelope, frameOf, idOf, newKeys, same } from '../peer.ts';
import type { Case } from './case.ts';

const SECTION = '5 What the relay says';

export const REPLY_CASES: readonly Case[] = [
  {
    section: SECTION,
    name: 'before the login: an envelope is not_connected, 4401; a malformed frame 4400',
    run: async (target) => {
      const user = await target.user();
      const early = await target.dial();
      early.ws.send(frameOf(user, envelope(user, user.code, '1')));
      await early.refused('not_connected');
      await early.closedWith(4401);
      const broken = await target.dial();
      broken.ws.send('{');
      await broken.refused('bad_frame');
      await broken.closedWith(4400);
    },
  },
  {
    section: SECTION,
    name: 'an unknown code gets the same bad_signature as a wrong key, 4401',
    run: async (target) => {
      const user = await target.user();
      const details: string[] = [];
      for (const frame of [
        frameOf(newKeys(), connectText(user.code)),
        frameOf(user, connectText('ZZZZZZZ')),
      ]) {
        const socket = await target.dial();
        socket.ws.send(frame);
        details.push(String((await socket.refused('bad_signature')).detail).replace(/[0-9a-f]{64}|\d+/g, ''));
        await socket.closedWith(4401);
      }
      same('the detail for an unknown code', details[1], details[0]);
    },
  },
  {
    section: SECTION,
    name: 'an envelope to a code without a user is recipient_unknown, with its id',
    run: async (target) => {
      const user = await target.user();
      const socket = await target.login(user, 2);
      await socket.fromServer('drained');
      const data = envelope(user, 'ZZZZZZZ', '1');
      socket.ws.send(frameOf(user, data));
      same('the id of the error', (await socket.refused('recipient_unknown')).id, idOf(data));
    },
  },
  {
    section: SECTION,
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
    section: SECTION,
    name: 'a socket that does not log in is closed with 4408',
    run: async (target) => {
      const socket = await target.dial(['relay.v2']);
      await socket.challenge();
      await socket.closedWith(4408);
    },
  },
];
