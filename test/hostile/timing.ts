import { frameOf } from '../support/plain/frames.ts';
import { PlainClient } from '../support/plain/plain-client.ts';
import { makeKeys, type PlainUser, registerUser } from '../support/plain/users.ts';
import type { RelayNode } from '../support/servers/relay-node.ts';

/** Two kinds of input that must not be told apart by how long the answer takes. */
export interface Timing {
  readonly name: string;
  readonly mediansUs: readonly [number, number];
  readonly differPercent: number;
}

const ROUNDS = 2_000;
const LOGIN_ROUNDS = 500;

/** The two kinds in turns, so that whatever else the machine does falls on both. */
async function compare(
  name: string,
  rounds: number,
  [one, other]: readonly [() => Promise<void>, () => Promise<void>],
): Promise<Timing> {
  const times: [number[], number[]] = [[], []];
  for (let n = 0; n < rounds; n += 1) {
    const pair = [[times[0], one] as const, [times[1], other] as const];
    for (const [into, ask] of n % 2 === 0 ? pair : pair.reverse()) {
      const startedMs = performance.now();
      await ask();
      into.push((performance.now() - startedMs) * 1_000);
    }
  }
  const mediansUs = [median(times[0]), median(times[1])] as const;
  const [a, b] = mediansUs;
  return { name, mediansUs, differPercent: (Math.abs(a - b) / Math.min(a, b)) * 100 };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export async function measureTiming(relay: RelayNode): Promise<readonly Timing[]> {
  const [alice, bob] = [await registerUser(relay.http), await registerUser(relay.http)];
  const lookUp = async (code: string) => {
    await (await fetch(`${relay.http}/users/${code}`)).arrayBuffer();
  };
  return [
    await compare('looking up a code that is there, and one that is not', ROUNDS, [
      () => lookUp(bob.code),
      () => lookUp('ZZZZZZZ'),
    ]),
    await compare('connect with a wrong key, and with a code that is not there', LOGIN_ROUNDS, [
      () => refusedLogin(relay, alice.code),
      () => refusedLogin(relay, 'ZZZZZZZ'),
    ]),
  ];
}

const WRONG = makeKeys();

/** From the connect to the close; opening the socket is not measured apart, and falls on both. */
async function refusedLogin(relay: RelayNode, code: PlainUser['code']): Promise<void> {
  const client = await PlainClient.open(relay.ws);
  client.send(frameOf(WRONG, `{"sender":"${code}","message":{"type":"connect"}}`));
  await client.untilClosed();
}
