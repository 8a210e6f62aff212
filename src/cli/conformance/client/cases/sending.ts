import { demand } from '../../peer.ts';
import type { ClientCase } from '../case.ts';

const SENDING = '6.8 Sending through the relay';

export const SENDING_CASES: readonly ClientCase[] = [
  {
    section: SENDING,
    name: 'sends the same bytes again, until they are accepted: after a cut and after mailbox_full',
    run: async (stage) => {
      await stage.login();
      stage.relay.treatment = 'cut';
      stage.program.write('once more');
      await stage.until(() => stage.relay.sent.length > 0, 'an envelope');
      stage.relay.treatment = 'refuse';
      await stage.until(() => stage.relay.sent.length > 1, 'the envelope again, after the cut');
      stage.relay.treatment = 'pass';
      await stage.until(() => stage.relay.sent.length > 2, 'the envelope again, after mailbox_full');
      const [first, second, third] = stage.relay.sent;
      demand(second?.frame === first?.frame, 'after the cut it has sent other bytes');
      demand(third?.frame === first?.frame, 'after mailbox_full it has sent other bytes');
      await stage.until(() => stage.partner.heard.includes('once more'), 'what it was told to write');
      await stage.hears('an answer');
    },
  },
];
