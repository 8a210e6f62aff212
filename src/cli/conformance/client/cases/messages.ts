import type { ClientCase } from '../case.ts';

const MESSAGES = '6.6 A message';

export const MESSAGE_CASES: readonly ClientCase[] = [
  {
    section: MESSAGES,
    name: 'shows a message once, repeated on one connection and on the next',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      const data = stage.partner.message('once');
      stage.relay.deliver(data);
      await stage.shows('once');
      stage.relay.deliver(data);
      stage.relay.cut();
      await stage.comesBack();
      stage.relay.deliver(data);
      await stage.hears('afterwards');
    },
  },
  {
    section: MESSAGES,
    name: 'never shows messages in another order than they were written, also if a relay holds one back over a reconnect',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      const [one, two] = [stage.partner.message('one'), stage.partner.message('two')];
      stage.relay.deliver(two);
      stage.relay.cut();
      await stage.comesBack();
      stage.relay.deliver(one);
      // Version 1 cannot order: it takes the first for old.
      await stage.shows(...(stage.partner.version === 2 ? ['one', 'two'] : ['two']));
      await stage.hears('three');
    },
  },
  {
    section: MESSAGES,
    name: 'asks for a message that the relay has dropped (version 2)',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      if (stage.partner.version !== 2) return;
      const dropped = stage.partner.message('dropped');
      stage.relay.deliver(stage.partner.message('next'));
      const asks = () =>
        stage.partner.said.some(({ type, missing }) => type === 'arrived' && missing?.includes(0) === true);
      await stage.until(asks, '`arrived` that names the missing number');
      stage.relay.deliver(dropped);
      await stage.shows('dropped', 'next');
    },
  },
  {
    section: MESSAGES,
    name: 'does not believe a counter before the message has opened',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      await stage.hears('one');
      for (const counter of [2 ** 53 - 1, 1_500])
        stage.relay.deliver(stage.partner.message('a lie', { counter }));
      // It opens, or the client has dropped keys that it no longer trusts, and says so. A counter believed makes it old.
      const data = stage.partner.message('two');
      stage.relay.deliver(data);
      await stage.exchangesKeys();
      const isTaken = () => stage.shown.includes('two') || stage.partner.calledUnreadable(data);
      await stage.until(isTaken, 'it to show "two", or to call it unreadable');
    },
  },
];
