import { randomBytes } from 'node:crypto';
import { PlainClient, type PlainClientOptions } from '../../test/support/plain/plain-client.ts';
import { makeKeys, type PlainUser, registerUser } from '../../test/support/plain/users.ts';

/** Registrations are limited per address: this often one more try is made, after the wait that was asked for. */
const TRIES_MAX = 100;
const LOGIN_TIMEOUT_MS = 60_000;

let said = '';

/** @param url of the relay's WebSocket; `/users` is beside it */
export function register(url: string): Promise<PlainUser> {
  const http = url.replace(/^ws/, 'http').replace(/\/ws$/, '');
  const onWait = (line: string) => {
    // Once per wait, not once per user.
    if (line !== said) process.stderr.write(`${line}\n`);
    said = line;
  };
  return registerUser(http, { tries: TRIES_MAX, onWait });
}

/** A user that no relay of ours knows, for comparison with others. */
export function unregistered(): PlainUser {
  return { ...makeKeys(), id: 0, code: randomBytes(4).toString('hex').slice(0, 7) };
}

/** A client that keeps nothing. */
export function login(
  url: string,
  user: PlainUser,
  options: Pick<PlainClientOptions, 'protocol' | 'localAddress' | 'onFrame'>,
): Promise<PlainClient> {
  return PlainClient.login(url, user, { ...options, keep: false, waitMs: LOGIN_TIMEOUT_MS });
}
