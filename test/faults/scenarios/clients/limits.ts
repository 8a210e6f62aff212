import type { RecordingClient } from '../../clients/recording-client.ts';
import type { Scenario } from '../../harness/trial.ts';

const QUOTA = 1_000;
const TTL_S = 6;

export const fullMailbox: Scenario = {
  name: 'full-mailbox',
  row: 16,
  what: 'mailbox full, TTL reached: reported, never trimmed silently',
  async run(trial) {
    const settings = { RELAY_MAILBOX_ENVELOPES: `${QUOTA}`, RELAY_MAILBOX_TTL: `${TTL_S}` };
    const rig = await trial.rig({ nodes: 2, store: 'redis', settings });
    const crowd = await trial.crowd({ count: 10, protocol2Share: 1, idlessShare: 0 });
    const { journal } = trial;
    const [bob, carol, ...senders] = crowd.clients;
    if (bob === undefined || carol === undefined) throw new Error('a crowd has clients');
    const acks = new Map<RecordingClient, { queued: number; expired: number }>();
    for (const client of [bob, carol]) {
      client.onServerMessage = ({ type, payload }) => {
        if (type === 'connect_ack')
          acks.set(client, { queued: Number(payload.queued), expired: Number(payload.expired) });
      };
      client.stop();
    }
    await trial.until(() => !bob.connected && !carol.connected, 5_000);

    trial.mark(`more than ${QUOTA} envelopes for Bob, who is away`);
    const extra = 200;
    for (let sent = 0; sent < QUOTA + extra; sent += 1) {
      senders[sent % senders.length]?.send(bob.user.code, 0);
    }
    await trial.until(() => senders.every(({ sendQueue }) => sendQueue.open === 0), 20_000);
    const refused = journal.sent.filter(({ outcome }) => outcome === 'refused').length;
    trial.rule(
      'what is too much is refused, and said',
      refused === extra && journal.errors.get('mailbox_full') === extra,
      `${refused} refused`,
    );
    bob.start();
    await trial.until(() => journal.missing === 0, 10_000);
    trial.rule(
      'nothing that was accepted was trimmed',
      acks.get(bob)?.queued === QUOTA,
      `${acks.get(bob)?.queued} waited`,
    );

    trial.mark('50 envelopes for Carol run out');
    const carols = 50;
    for (let sent = 0; sent < carols; sent += 1) senders[sent % senders.length]?.send(carol.user.code, 0);
    await trial.until(() => senders.every(({ sendQueue }) => sendQueue.open === 0), 10_000);
    trial.mayLose = ({ recipient, settledAtMs }) =>
      recipient === carol.user.code && settledAtMs !== null && settledAtMs < startMs - TTL_S * 1_000;
    await trial.sleep(TTL_S * 1_000 + 1_000);
    const startMs = performance.now();
    carol.start();
    await trial.until(() => acks.has(carol), 5_000);
    const { expired = 0, queued = -1 } = acks.get(carol) ?? {};
    trial.rule(
      'a late reader learns how many have expired',
      expired === carols && queued === 0,
      `${expired} expired, ${queued} queued`,
    );
    crowd.write(200);
    await trial.untilAccepted(trial.acceptedMin, 60_000);
    await trial.heal();
    trial.rule(
      'nodes had no other errors',
      [...journal.errors.keys()].every((code) => code === 'mailbox_full'),
      [...journal.errors.keys()].join(' ') || 'none',
    );
    for (const node of rig.nodes) await node.untilReady();
  },
};
