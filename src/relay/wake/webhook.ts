import { createHash, createHmac } from 'node:crypto';
import { formatCreatedAt } from '../../engine/created-at.ts';
import type { Announcement } from '../../engine/verbs/announcements.ts';
import type { Logger } from '../../ops/log/log.ts';
import type { Metrics } from '../../ops/metrics/metrics.ts';
import { BackOff } from './back-off.ts';
import { post, type Sent } from './post.ts';
import { type Attempt, WAKE_TIMINGS, type WakeTimings, type Way } from './waker.ts';

export interface WebhookTarget {
  /** `https:`, or `http:` where private addresses are allowed. */
  readonly url: string;
  readonly secret: Buffer;
  readonly allowPrivate: boolean;
}

export interface Message {
  /** The same whenever the same is sent again. */
  readonly id: string;
  /** JSON. */
  readonly body: string;
}

export interface WebhookOptions {
  readonly send: (message: Message, signal: AbortSignal) => Promise<Sent>;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, 'wakes' | 'wakeSeconds' | 'wakePaused'>;
  readonly timings?: WakeTimings;
}

/** Users in one message. */
const BATCH_MAX = 100;
const ID_BYTES = 16;

/** Tells the operator's receiver which users are away: one message at a time, with pauses that grow while it fails. */
export class Webhook implements Way {
  readonly #options: WebhookOptions;
  readonly #timings: WakeTimings;
  readonly #backOff: BackOff;
  /** After a failure one user alone, then more: one whom the receiver refuses does not hold up the others. */
  #batch = BATCH_MAX;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#timings = options.timings ?? WAKE_TIMINGS;
    this.#backOff = new BackOff(this.#timings);
  }

  get max(): number {
    return this.#backOff.pausedMs > 0 ? 0 : this.#batch;
  }

  async send(users: readonly Announcement[], signal: AbortSignal): Promise<readonly Attempt[]> {
    const { send, metrics } = this.#options;
    const startedMs = performance.now();
    const sent = await send(messageOf(users), signal);
    metrics.wakeSeconds.observe((performance.now() - startedMs) / 1000);
    const outcome = sent.outcome === 'gone' ? 'refused' : sent.outcome;
    metrics.wakes.of(outcome).add(users.length);
    if (outcome === 'sent') this.#succeeded();
    const pauseMs = outcome === 'sent' || signal.aborted ? 0 : this.#failed(sent);
    // Of several, the others must not wait for the one that is refused: they are tried alone.
    const isAlone = outcome === 'refused' && users.length === 1;
    const againMs =
      outcome === 'sent' ? null : isAlone ? Math.max(pauseMs, this.#timings.refusedMs) : pauseMs;
    return users.map((user) => ({ user, againMs }));
  }

  #succeeded(): void {
    const { log, metrics } = this.#options;
    if (this.#backOff.failing) log.info('the receiver of wake-ups takes messages again');
    this.#backOff.succeeded();
    this.#batch = Math.min(BATCH_MAX, this.#batch * 2);
    metrics.wakePaused.set(0);
  }

  /** Returns the pause. */
  #failed({ reason, retryAfterMs }: Sent): number {
    const { log, metrics } = this.#options;
    if (!this.#backOff.failing) log.warn('the receiver of wake-ups does not take messages', { reason });
    this.#batch = 1;
    metrics.wakePaused.set(1);
    return this.#backOff.failed(retryAfterMs);
  }
}

/** Posts a message signed as https://www.standardwebhooks.com asks for. Never rejects. */
export function postSigned(target: WebhookTarget, message: Message, signal: AbortSignal): Promise<Sent> {
  const url = new URL(target.url);
  const privateBy = target.allowPrivate ? null : 'RELAY_WAKE_PRIVATE';
  return post({ url, headers: headersOf(message, target.secret), body: message.body, privateBy }, signal);
}

function headersOf({ id, body }: Message, secret: Buffer): Record<string, string> {
  const timestamp = `${Math.floor(Date.now() / 1000)}`;
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'Content-Type': 'application/json',
    'Content-Length': `${Buffer.byteLength(body)}`,
    'User-Agent': 'keyrelay',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}

/** What nodes send to the operator's receiver: docs/waking.md. */
function messageOf(announcements: readonly Announcement[]): Message {
  const users = announcements.map(({ code, epoch, waiting, sinceUs }) => ({
    id: digest(`${code} ${epoch}`),
    code,
    waiting,
    since: formatCreatedAt(sinceUs),
  }));
  const body = { type: 'mailbox.waiting', timestamp: new Date().toISOString(), data: { users } };
  return { id: `wake_${digest(users.map(({ id }) => id).join(' '))}`, body: JSON.stringify(body) };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest().subarray(0, ID_BYTES).toString('base64url');
}
