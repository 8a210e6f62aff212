import { RawConnection } from '../../support/plain/raw-connection.ts';
import { makeKeys } from '../../support/plain/users.ts';
import type { Random } from '../../support/random.ts';
import { HTTP_CASES } from '../cases/http-cases.ts';

/** What the relay may answer. A 5xx that says "I am broken" is not among it. */
const EXPECTED = new Set([100, 101, 200, 201, 204, 400, 404, 405, 409, 413, 415, 426, 429, 431, 505]);
const PATIENCE_MS = 12_000;

export interface HttpCounts {
  sent: number;
  readonly answers: Map<number | 'ended' | 'silent', number>;
  readonly surprises: string[];
}

export interface HttpFuzzOptions {
  readonly port: number;
  readonly requests: number;
  readonly atOnce: number;
  readonly random: Random;
}

/** Mutated requests, each on a new connection: the answer is a documented one, or the connection ends. */
export async function fuzzHttp({ port, requests, atOnce, random }: HttpFuzzOptions): Promise<HttpCounts> {
  const counts: HttpCounts = { sent: 0, answers: new Map(), surprises: [] };
  const seeds = makeSeeds();
  const worker = async (): Promise<void> => {
    while (counts.sent < requests) {
      counts.sent += 1;
      const text = mutate(random, random.pick(seeds));
      const outcome = await ask(port, text);
      counts.answers.set(outcome, (counts.answers.get(outcome) ?? 0) + 1);
      if (typeof outcome === 'number' && !EXPECTED.has(outcome)) {
        counts.surprises.push(`${outcome} to ${JSON.stringify(text.slice(0, 200))}`);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return counts;
}

function makeSeeds(): string[] {
  const { ecdhPublicKey, eddsaPublicKey } = makeKeys();
  const body = JSON.stringify({
    ecdh_public_key: ecdhPublicKey,
    eddsa_public_key: eddsaPublicKey,
    name: 'Zoë',
  });
  const post = `POST /users HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${Buffer.from(body).toString('latin1')}`;
  const rest = Object.values(HTTP_CASES)
    .flat()
    .map(({ send }) => send)
    .filter((send) => send.length < 3_000);
  return [...Array<string>(rest.length).fill(post), ...rest];
}

const TOKENS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  ':',
  ': ',
  '0',
  '-1',
  'chunked',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  '%00',
  '%0d%0a',
  '../../',
  '{',
  '}',
  '"',
  '\xff',
  'Host: b\r\n',
  'Expect: 100-continue\r\n',
] as const;

function mutate(random: Random, text: string): string {
  let mutated = text;
  for (let n = random.below(4); n > 0; n -= 1) {
    const at = random.below(mutated.length + 1);
    const kind = random.below(5);
    if (kind === 0) mutated = mutated.slice(0, at) + random.pick(TOKENS) + mutated.slice(at);
    else if (kind === 1) mutated = mutated.slice(0, at) + mutated.slice(at + 1 + random.below(6));
    else if (kind === 2)
      mutated = mutated.slice(0, at) + String.fromCharCode(random.below(256)) + mutated.slice(at + 1);
    else if (kind === 3) mutated = mutated.slice(0, at);
    else mutated = mutated.slice(0, at) + mutated.slice(random.below(mutated.length + 1));
  }
  return mutated;
}

/** Half a request gets no answer: the client goes away after a moment, as a slow network makes it. */
async function ask(port: number, text: string): Promise<number | 'ended' | 'silent'> {
  const connection = await RawConnection.open(port);
  const { socket } = connection;
  connection.write(text);
  // Our end is closed, so that the relay need not wait for the rest of half a request.
  socket.end();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
  const answer = connection.takeAnswer();
  const { ended } = connection;
  connection.destroy();
  if (answer !== null) return answer.status;
  return ended ? 'ended' : 'silent';
}
