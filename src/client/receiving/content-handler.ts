import type { ConversationEvents } from '../conversation-events.ts';
import type { Emitter } from '../events.ts';
import type { PeerFiles } from '../files/peer-files.ts';
import type { Agreement } from '../keys/agreement.ts';
import type { Content } from '../sending/content.ts';
import type { Disappearing } from '../sending/disappearing.ts';
import type { Timer } from '../sending/message-extras.ts';
import type { PeerOutbox } from '../sending/peer-outbox.ts';
import type { SentMessages } from '../sending/sent-messages.ts';
import type { Typing } from '../sending/typing.ts';
import type { Batch } from '../storage/records.ts';
import type { Arrivals } from './arrivals.ts';
import type { Inbox } from './inbox.ts';

export interface ContentHandlerOptions {
  /** The peer's. */
  readonly code: string;
  readonly disappearing: Disappearing;
  readonly typing: Typing;
  readonly agreement: Agreement;
  readonly arrivals: Arrivals;
  readonly files: PeerFiles;
  readonly inbox: Inbox;
  readonly sentMessages: SentMessages;
  readonly peerOutbox: PeerOutbox;
  readonly events: Emitter<ConversationEvents>;
  /** A message of ours has reached this state. */
  readonly onReached: (step: 'delivered' | 'read', id: string) => void;
  /** These messages of ours have to be sent again. */
  readonly sendAgain: (numbers: readonly number[], batch: Batch) => void;
}

/** How a content came. */
export interface Carrier {
  /** The id of the message if its content has none. */
  readonly id: string;
  readonly version: 1 | 2;
  /** Counters that its envelope has skipped; or it was itself skipped. */
  readonly missing: number;
  readonly late: boolean;
}

/** What follows once a batch is stored. */
type After = (() => void)[];

/** Handles the decrypted content of one peer's messages. */
export class ContentHandler {
  readonly #options: ContentHandlerOptions;

  constructor(options: ContentHandlerOptions) {
    this.#options = options;
  }

  handle(content: Content, carrier: Carrier, batch: Batch): After {
    const { arrivals, sentMessages, peerOutbox, sendAgain, typing } = this.#options;
    typing.sign(content);
    switch (content.type) {
      case 'message':
        return this.#message(content, carrier, batch);
      case 'delivered':
      case 'read': {
        const { delivered, read } = sentMessages.confirmed(content, carrier.version, batch);
        return [...this.#reached('delivered', delivered), ...this.#reached('read', read)];
      }
      case 'arrived': {
        const order = this.#options.agreement.orderOf(content.exchange, content.counter);
        const { again, gone } = sentMessages.arrived(content, order, batch);
        sendAgain(again, batch);
        if (gone.length > 0) peerOutbox.addOnly(sentMessages.goneContent(gone), batch);
        return [];
      }
      case 'check': {
        const after = arrivals.told(content, batch);
        arrivals.report(batch);
        return after;
      }
      case 'gone':
        return arrivals.gone(content, batch);
      case 'unreadable': {
        const number = sentMessages.lastIn(content.id);
        if (number !== null) sendAgain([number], batch);
        return [];
      }
      case 'typing':
        return typing.heard(content) ? [() => this.#options.events.emit('typing', {})] : [];
      case 'ready':
        return [];
    }
  }

  #message(content: Extract<Content, { readonly type: 'message' }>, carrier: Carrier, batch: Batch): After {
    const { inbox, events, arrivals, files } = this.#options;
    const { type, id = carrier.id, place, typing, ...said } = content;
    const timer = this.#timer(said.timer, batch);
    const offered = said.file === undefined ? [] : [files.offered(said.file, id, batch)];
    if (place !== undefined) {
      const { stream, number } = place;
      return [...offered, ...timer, ...arrivals.take({ id, ...said, stream, number }, place, batch)];
    }
    const { missing, late } = carrier;
    const gap = missing > 0 ? [() => events.emit('gap', { missing })] : [];
    return [...offered, ...timer, ...gap, inbox.add({ id, ...said, ...(late ? { late } : {}) }, batch)];
  }

  #timer(timer: Timer | undefined, batch: Batch): After {
    const { code, disappearing, events } = this.#options;
    if (timer === undefined || !disappearing.set(timer, code, batch)) return [];
    return [() => events.emit('timer', { seconds: timer.seconds })];
  }

  #reached(step: 'delivered' | 'read', ids: readonly string[]): After {
    return ids.map((id) => () => this.#options.onReached(step, id));
  }
}
