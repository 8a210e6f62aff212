import type { SessionKey, SessionState } from '../../engine/engine.ts';
import type { Policy } from '../../engine/verbs/people.ts';
import type { CloseName } from '../../protocol/closes.ts';
import type { FrameErrorCode } from '../../protocol/errors.ts';
import type { RelayContext } from '../context/relay-context.ts';

/** The people of one session. */
interface Contacts {
  /** Who may write to the user: the session makes recipients known accordingly. */
  policy: Policy;
  /** Those to whom this session has written. */
  readonly people: readonly string[];
}

/** What commands may use of the session that they came from. */
export interface CommandHost {
  readonly context: RelayContext;
  readonly session: SessionKey;
  readonly contacts: Contacts;
  readonly lookups: Lookups;
}

/** A command that names a user costs what an envelope to a new recipient costs, so that codes cannot be tried for less. */
interface Lookups {
  /** 0 if it may be tried now; otherwise the milliseconds to wait. */
  approach(code: string): number;
  settle(code: string, outcome: 'recipient_unknown' | 'unavailable'): void;
}

/** Carried out, and what there is to tell, and how the socket closes behind that; refused; or the session turned out not to hold any more. */
export type CommandAnswer =
  | { readonly done: true; readonly result?: object; readonly close?: CloseName }
  | { readonly code: FrameErrorCode; readonly detail: string; readonly retryAfterMs?: number }
  | { readonly lost: Exclude<SessionState, 'held'> };

/**
 * One command of docs/protocol.md, section 4. A client that has seen no answer sends it again, under the same id or
 * another: carrying it out twice must do no more than once.
 * @param payload a JSON object; empty if the client sent none
 * @param id the client's name for it
 * @throws BadCommand if the payload is not what the command takes; EngineUnavailable
 */
export type Command = (host: CommandHost, payload: Payload, id: string) => Promise<CommandAnswer>;

export type Payload = Readonly<Record<string, unknown>>;

export const DONE: CommandAnswer = { done: true };

/** The payload is not what the command takes; the message says what would be right. */
export class BadCommand extends Error {}
