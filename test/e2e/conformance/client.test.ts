import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CLIENT_CASES } from '../../../src/cli/conformance/client/cases/cases.ts';
import { failureOf } from '../../../src/cli/conformance/client/client.ts';
import { jsonRows, keyrelay } from '../../support/clients/command-line.ts';
import { byLength } from '../../support/long.ts';
import { MAIN } from '../../support/servers/processes.ts';
import { pythonWithPackages } from '../../support/services/python.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PYTHON = pythonWithPackages();
const CLIENT = join(ROOT, 'docs/clients/python/keyrelay.py');
/** Of a broken client for what it will never do. */
const WAIT_MS = 6_000;

async function conformance(command: readonly string[], only = '') {
  const { code, out } = await keyrelay(['conformance', 'client', '--json', '--only', only, '--', ...command]);
  const results = jsonRows(out);
  return { code, failed: results.filter(({ ok }) => ok !== true), names: results.map((each) => each.case) };
}

describe('every rule is kept by', () => {
  test.concurrent('the client in Python', async () => {
    const { code, failed, names } = await conformance([PYTHON, CLIENT, '{url}', '{state}', '{peer}']);
    expect(failed).toEqual([]);
    expect(names).toEqual(CLIENT_CASES.map(({ name }) => name));
    expect(code).toBe(0);
  });

  // The short form: what version 2 between the peers adds.
  test.concurrent('the command line, and with it the SDK', async () => {
    const options = ['--json', '--url', '{url}', '--identity', '{state}'];
    const chat = [process.execPath, MAIN, 'chat', '{peer}', ...options];
    expect(await conformance(chat, byLength('6.6 ', ''))).toMatchObject({ code: 0, failed: [] });
  });
});

/** The rule that the client breaks, the words of the case that has to see it, and those that the kit has to find for it. */
const FAULTS = [
  [
    'large frames',
    'reads a frame of max_delivered_bytes',
    /the number of logins is|to show "behind a large frame"/,
  ],
  ['login', 'answers the challenge with nonce', /connect has besides is \{"device":"phone"\}/],
  ['audience', 'signs nothing for a relay that names', /the number of logins.* is 1/],
  ['acks', 'acknowledges what it was delivered', /waited .* for an ack of an envelope of an unknown type/],
  ['coming back', 'comes back after a connection', /waited .* to come back after a cut/],
  ['displaced', 'does not come back by itself after 4409', /has dialled is 2/],
  ['signatures', 'that the pinned key has not signed', /shown is \["forged"\]/],
  ['recipients', 'that is for another recipient', /shown is \["not for you"\]/],
  ['senders', 'whose outermost sender is not', /shown is \["by another sender"\]/],
  ['names', 'equal names in what is signed', /shown is \["two types"/],
  ['names', 'equal names in a plaintext', /shown is \["two types"/],
  ['small order', 'whose key is of small order', /it has answered such a request/],
  ['canonical keys', 'whose key is not canonical', /it has answered such a request/],
  ['pins', 'signed by a key that the relay names later', /shown is \["before","by another key"\]/],
  ['digests', 'answers a fresh request', /waited .* for an answer to a key_exchange, with its digest/],
  ['asking', 'asks for keys when it has something to say', /waited .* for what it was told to write/],
  ['crossing', 'its code is greater', /waited .* for an answer to a key_exchange/],
  ['crossing', 'its code is smaller', /waited .* for an answer to a key_exchange/],
  ['repeats', 'answers a request once', /the number of answers after a repetition on this connection is 2/],
  ['unknown keys', 'under keys that it does not have', /waited .* for a key_exchange/],
  ['twice', 'shows a message once', /shown is \["once","once"/],
  ['order', 'in another order', /shown is \["two"/],
  ['counters', 'does not believe a counter', /waited .* to show "two", or to call it unreadable/],
  ['bytes', 'sends the same bytes again', /after the cut it has sent other bytes/],
] as const;

/** Those that only version 2 between the peers can break. */
const FAULTS_OF_VERSION_2 = [
  ['missing', 'asks for a message that the relay has dropped', /waited .* for `arrived`/],
  ['order', 'in another order', /shown is \["two"/],
] as const;

describe('a client that breaks a rule is found out:', () => {
  const found = async (name: string, command: readonly string[]) => {
    const [played, ...more] = CLIENT_CASES.filter((each) => each.name.includes(name));
    expect(more).toEqual([]);
    return played && (await failureOf(played, command, WAIT_MS));
  };

  // The short form: every third.
  const some = byLength<readonly (typeof FAULTS)[number][]>(
    FAULTS.filter((_, index) => index % 3 === 0),
    FAULTS,
  );
  test.concurrent.for(some)('%s: %s', async ([broken, name, words]) => {
    const program = join(ROOT, 'test/support/clients/broken_client.py');
    expect(await found(name, [PYTHON, program, broken, CLIENT, '{url}', '{state}', '{peer}'])).toMatch(words);
  });

  test.concurrent.for(FAULTS_OF_VERSION_2)('%s: %s (version 2)', async ([broken, name, words]) => {
    const program = join(ROOT, 'test/support/clients/broken-sdk.mjs');
    expect(await found(name, [process.execPath, program, broken, '{url}'])).toMatch(words);
  });

  test('every case of the kit has such a client', () => {
    const seen = [...FAULTS, ...FAULTS_OF_VERSION_2].map(([, name]) => name);
    expect(CLIENT_CASES.filter(({ name }) => !seen.some((words) => name.includes(words)))).toEqual([]);
  });
});
