import { demand, same } from '../../peer.ts';
import { type ClientCase, forged } from '../case.ts';

const FRAMES = '2 Frames';
const LOGIN = '4 Protocol 2';
const CLOSES = '5 What the relay says';

export const CONNECTION_CASES: readonly ClientCase[] = [
  {
    section: FRAMES,
    name: 'reads a frame of max_delivered_bytes, and ignores a type that it does not know',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      const room = 65_536 - Buffer.byteLength(stage.partner.frame(stage.partner.data('note', { pad: '' })));
      stage.relay.deliver(stage.partner.data('note', { pad: 'x'.repeat(room) }));
      await stage.hears('behind a large frame');
      same('the number of logins', stage.relay.logins.length, 1);
    },
  },
  {
    section: LOGIN,
    name: 'answers the challenge with nonce and audience alone, signed',
    run: async (stage) => {
      await stage.login();
      const [login] = stage.relay.logins;
      const { nonce, audience, ...more } = (login?.payload ?? {}) as Record<string, unknown>;
      same('the nonce', nonce, stage.relay.nonce);
      same('the audience', audience, stage.relay.socketUrl);
      same('what connect has besides', more, {});
      demand(login?.signed === true, 'the signature of connect does not verify over the bytes of data');
    },
  },
  {
    section: LOGIN,
    name: 'signs nothing for a relay that names another URL',
    run: async (stage) => {
      stage.relay.audience = 'wss://elsewhere.example/ws';
      stage.start();
      await stage.until(() => stage.relay.dials > 0, 'it to dial');
      await stage.meanwhile(() => stage.relay.logins.length > 0 || stage.relay.dials > 1);
      same('the number of logins, although another URL was dialled,', stage.relay.logins.length, 0);
    },
  },
  {
    section: LOGIN,
    name: 'acknowledges what it was delivered, also what it drops',
    run: async (stage) => {
      await stage.login();
      stage.relay.deliver(stage.partner.data('note', {}));
      await stage.until(() => stage.relay.acks.includes('1'), 'an ack of an envelope of an unknown type');
      stage.relay.deliver('', forged(stage.partner.data('note', {})));
      await stage.until(() => stage.relay.acks.includes('2'), 'an ack of a forged envelope');
    },
  },
  {
    section: CLOSES,
    name: 'comes back after a connection that was cut, and after 1012',
    run: async (stage) => {
      await stage.login();
      stage.relay.cut();
      await stage.until(() => stage.relay.logins.length === 2, 'it to come back after a cut');
      stage.relay.cut(1012, 'retry in 50 ms');
      await stage.until(() => stage.relay.logins.length === 3, 'it to come back after 1012');
    },
  },
  {
    section: CLOSES,
    name: 'does not come back by itself after 4409',
    run: async (stage) => {
      await stage.login();
      stage.relay.cut(4409, 'replaced');
      await stage.meanwhile(() => stage.relay.dials > 1);
      same('how often it has dialled', stage.relay.dials, 1);
    },
  },
];
