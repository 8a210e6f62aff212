import { say } from '../support/say.ts';
import { Rig } from './rig.ts';

export interface MailboxesPlan {
  readonly mailboxes: number;
  /** Envelopes in each, with 300 bytes of payload. */
  readonly each: number;
  readonly nodes: number;
  readonly clients: number;
  readonly protocol: 1 | 2;
  readonly atOnce: number;
}

export interface MailboxesResult {
  readonly fillSeconds: number;
  readonly storedPerS: number;
  /** Redis memory for one mailbox with its envelopes, besides the user. */
  readonly mailboxBytes: number;
  readonly userBytes: number;
  readonly drainSeconds: number;
  readonly drainedPerS: number;
  readonly received: number;
  /** Processor time for one mailbox: connect, read, push, confirm, disconnect. */
  readonly drainNodesUs: number;
  readonly drainRedisUs: number;
  /** Of the nodes together, most seen less what they had before. */
  readonly drainNodesBytes: number;
}

const SAMPLE_MS = 500;

/** Many mailboxes with envelopes, and then all users come to fetch them. */
export async function measureMailboxes(plan: MailboxesPlan): Promise<MailboxesResult> {
  const { mailboxes, each } = plan;
  const rig = await Rig.start(plan);
  try {
    const bare = rig.usage();
    say(`registering ${mailboxes} users …`);
    await rig.register(mailboxes, plan.protocol);
    const empty = rig.usage();

    say(`filling ${mailboxes} mailboxes with ${each} envelopes each …`);
    const filling = performance.now();
    const filled = await rig.ask('fill', () => ({ do: 'fill', each }));
    const fillSeconds = (performance.now() - filling) / 1000;
    const stored = filled.reduce((sum, reply) => sum + reply.stored, 0);
    const full = rig.usage();

    await rig.collect();
    const before = rig.usage();
    say('all users come back …');
    let mostBytes = 0;
    const sampling = setInterval(() => {
      mostBytes = Math.max(mostBytes, rig.usage().nodesBytes);
    }, SAMPLE_MS);
    const draining = performance.now();
    const atOnce = Math.ceil(plan.atOnce / rig.clients);
    const drained = await rig
      .ask('drain', () => ({ do: 'drain', each, atOnce }))
      .finally(() => {
        clearInterval(sampling);
      });
    const drainSeconds = (performance.now() - draining) / 1000;
    const used = rig.since(before);
    const received = drained.reduce((sum, reply) => sum + reply.received, 0);
    return {
      fillSeconds,
      storedPerS: stored / fillSeconds,
      mailboxBytes: (full.redisBytes - empty.redisBytes) / mailboxes,
      userBytes: (empty.redisBytes - bare.redisBytes) / mailboxes,
      drainSeconds,
      drainedPerS: received / drainSeconds,
      received,
      drainNodesUs: used.nodesUs / mailboxes,
      drainRedisUs: used.redisUs / mailboxes,
      drainNodesBytes: Math.max(0, mostBytes - before.nodesBytes),
    };
  } finally {
    await rig.stop();
  }
}
