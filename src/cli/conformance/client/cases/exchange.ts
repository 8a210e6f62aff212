import { same } from '../../peer.ts';
import type { ClientCase } from '../case.ts';
import type { Stage } from '../stage.ts';

const EXCHANGE = '6.3 An exchange';
const KEYS = '6.5 Which exchange to send under';

export const EXCHANGE_CASES: readonly ClientCase[] = [
  {
    section: EXCHANGE,
    name: 'answers a fresh request, naming the digest of its bytes, and reads what comes under the keys',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      await stage.hears('first word');
    },
  },
  {
    section: EXCHANGE,
    name: 'asks for keys when it has something to say, and writes under those of the answer',
    run: async (stage) => {
      await stage.login();
      await stage.writes('of its own accord');
      await stage.hears('an answer');
    },
  },
  ...(['0', 'Z'] as const).map((first) => ({
    section: EXCHANGE,
    name: `answers also while a request of its own is lost; its code is ${first === '0' ? 'greater' : 'smaller'}`,
    partner: `${first}000000`,
    run: async (stage: Stage) => {
      await stage.login();
      stage.relay.treatment = 'swallow';
      stage.program.write('waits for keys');
      await stage.until(() => stage.relay.sent.some(({ type }) => type === 'key_exchange'), 'a key_exchange');
      stage.relay.treatment = 'pass';
      await stage.exchangesKeys();
      await stage.hears('from the other');
      await stage.until(() => stage.partner.heard.includes('waits for keys'), 'what it was told to write');
    },
  })),
  {
    section: EXCHANGE,
    name: 'answers a request once, however often and wherever it is repeated',
    run: async (stage) => {
      await stage.login();
      const data = await stage.exchangesKeys();
      for (const where of ['on this connection', 'on the next']) {
        stage.relay.deliver(data);
        await stage.hears(`behind the repetition ${where}`);
        // Answers go before messages.
        await stage.writes(`behind its answer ${where}`);
        same(`the number of answers after a repetition ${where}`, stage.partner.answers.length, 1);
        stage.relay.cut();
        await stage.comesBack();
      }
    },
  },
  {
    section: KEYS,
    name: 'asks for keys when a message comes under keys that it does not have, and calls it unreadable',
    run: async (stage) => {
      // At once: a client that has just asked, or answered, may wait for a minute before it asks.
      await stage.login();
      const box = Buffer.alloc(100, 1).toString('base64');
      const name = 'ab'.repeat(32);
      const data = stage.partner.data('message', { exchange: name, counter: 0, link: name, ciphertext: box });
      stage.relay.deliver(data);
      await stage.until(() => stage.relay.sent.some(({ type }) => type === 'key_exchange'), 'a key_exchange');
      await stage.until(
        () => stage.partner.calledUnreadable(data),
        '`unreadable`, with the id of the envelope',
      );
    },
  },
];
