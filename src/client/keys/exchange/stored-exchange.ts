import type { Batch, Records } from '../../storage/records.ts';
import { plainChain } from '../messages/plain-chains.ts';
import type { Session } from '../messages/sessions.ts';
import type { ExchangeState, PendingRequest } from './exchange.ts';
import { NO_EXCHANGE } from './exchange.ts';

/*
 * The state of an exchange in the storage: `exchange:<peer>`, and apart from it, because they are many and seldom change,
 * the requests seen, `requests:<peer>`. Clients before version 2 stored sessions of one key each: these are still read.
 */

type Stored = Partial<Omit<ExchangeState, 'seen' | 'sessions' | 'pending'>> & {
  readonly sessions?: readonly (Session | PlainSession)[];
  readonly pending?: readonly (PendingRequest | PlainRequest)[];
  /** Of clients before version 2: none of the sessions may be sent under. */
  readonly halted?: boolean;
};

interface PlainSession {
  readonly id: string;
  readonly role: 'initiator' | 'responder';
  readonly sendKey: string;
  readonly receiveKey: string;
  readonly sent: number;
  readonly received: number;
  readonly proven: boolean;
  readonly lasting: boolean;
  readonly atMs: number;
}

interface PlainRequest {
  readonly id: string;
  readonly secretKey: string;
  readonly publicKey: string;
  readonly lasting: boolean;
  readonly atMs: number;
}

export function loadExchange(peer: string, records: Records): ExchangeState {
  const stored = records.get<Stored>(`exchange:${peer}`) ?? {};
  const { halted = false, sessions = [], pending = [], ...rest } = stored;
  return {
    ...NO_EXCHANGE,
    ...rest,
    sessions: sessions.map((session, index) => upgradeSession(session, index, halted)),
    pending: pending.map(upgradeRequest),
    seen: records.get<string[]>(`requests:${peer}`) ?? [],
  };
}

/** Stages what differs from `before`. */
export function saveExchange(
  peer: string,
  states: { readonly before: ExchangeState; readonly after: ExchangeState },
  batch: Batch,
): void {
  const { seen, ...rest } = states.after;
  if (seen !== states.before.seen) batch.set(`requests:${peer}`, seen);
  batch.set(`exchange:${peer}`, rest);
}

function upgradeSession(session: Session | PlainSession, index: number, halted: boolean): Session {
  if (!('sendKey' in session)) return session;
  const { id, role, sendKey, receiveKey, sent, received, proven, lasting, atMs } = session;
  return {
    id,
    version: 1,
    role,
    generation: index + 1,
    smallerAsked: false,
    send: plainChain(sendKey, sent),
    receive: plainChain(receiveKey, received),
    proven: proven && !halted,
    hybrid: false,
    static: lasting,
    atMs,
  };
}

function upgradeRequest(request: PendingRequest | PlainRequest): PendingRequest {
  if (!('lasting' in request)) return request;
  const { lasting, ...rest } = request;
  return { ...rest, kemSeed: null, static: lasting, generation: null, first: null };
}
