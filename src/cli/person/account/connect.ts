import { createHash } from 'node:crypto';
import { WebSocket } from 'ws';
import type { Identity } from '../../../client/account/identity.ts';
import { ClientError } from '../../../client/errors.ts';
import { Relay } from '../../../client/relay.ts';
import { useSha512 } from '../../../crypto/ed25519.ts';
import { unlessFired } from '../../unless-fired.ts';
import type { Person } from '../options.ts';
import { loadIdentity } from './identity-file.ts';
import { forgottenWords, inviteToken } from './registered.ts';
import { openState, type State } from './state.ts';

/** At the end, for receipts and for what was said last. Anything later waits for the next time. */
const FLUSH_MS = 2_000;
/** The same after Ctrl-C: a person waits. */
const HURRIED_FLUSH_MS = 200;
/** For the relay to delete an account. What fails here is left to the relay, which deletes idle accounts. */
const DELETE_MS = 2_000;

/** A person at a relay. */
export interface Session {
  readonly relay: Relay;
  readonly identity: Identity;
  readonly state: State;
  /** Lets go of everything; `hurried` after a signal. */
  done(hurried?: boolean): Promise<void>;
  /** The same, and deletes the account at the relay if it answers: for an identity that is used no more. */
  leave(hurried?: boolean): Promise<void>;
}

export interface ConnectOptions {
  readonly signal?: AbortSignal;
  /** `open` does not wait for the relay: what is written waits. */
  readonly wait?: 'connect' | 'open';
  /** Lets a new identity in where new users need an invitation: the token, or the link that has it. */
  readonly invite?: string | undefined;
  /** See `RelayOptions`: for commands whose point is to answer people that the user does not know. */
  readonly answersStrangers?: boolean;
}

// Node's own SHA-512 is several times faster than one in JavaScript: every frame of a file is hashed thrice.
useSha512((message) => new Uint8Array(createHash('sha512').update(message).digest()));

/**
 * Connects as this person. If the relay has forgotten the identity (it was set up anew), registers again and says what
 * that means: a new code, and conversations that start afresh.
 */
export async function connectAs(person: Person, options: ConnectOptions = {}): Promise<Session> {
  const identity = await loadIdentity(person.identityFile);
  const state = await openState(person, identity);
  try {
    const relay = await open(person, identity, state, options).catch(async (error: unknown) => {
      if (!(error instanceof ClientError) || error.code !== 'account_gone') throw error;
      return startAfresh(person, identity, state, options);
    });
    const flush = async (hurried: boolean) => {
      const withinMs = hurried ? HURRIED_FLUSH_MS : FLUSH_MS;
      if (relay.state.state === 'live') await relay.flush({ signal: AbortSignal.timeout(withinMs) });
    };
    const close = async () => {
      await relay.close();
      await state.unlock();
    };
    const done = async (hurried = false) => {
      await flush(hurried);
      await close();
    };
    const leave = async (hurried = false) => {
      await flush(hurried);
      if (relay.state.state === 'live') {
        await unlessFired(relay.deleteAccount(), AbortSignal.timeout(DELETE_MS)).catch(() => {});
      }
      await close();
    };
    return { relay, identity, state, done, leave };
  } catch (error) {
    await state.unlock();
    throw error;
  }
}

/** The relay knows this identity no more: with a state of its own the next `connectAs` gets a new code. */
export async function forget(state: State, code: string | null): Promise<void> {
  console.error(forgottenWords(code, await state.setAside()));
}

async function startAfresh(
  person: Person,
  identity: Identity,
  state: State,
  options: ConnectOptions,
): Promise<Relay> {
  await forget(state, null);
  const relay = await open(person, identity, state, { ...options, wait: 'connect' });
  console.error(`Your new code is ${relay.code}.`);
  return relay;
}

function open(person: Person, identity: Identity, state: State, options: ConnectOptions): Promise<Relay> {
  const { signal, wait = 'connect', invite, answersStrangers = false } = options;
  const relayOptions = {
    WebSocket,
    storage: state.storage,
    answersStrangers,
    ...(signal === undefined ? {} : { signal }),
    ...(invite === undefined ? {} : { invite: inviteToken(invite) }),
  };
  return Relay[wait](person.url, identity, relayOptions);
}
