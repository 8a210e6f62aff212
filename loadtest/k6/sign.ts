/**
 * Registers pairs of users at a relay and signs what they will send, because k6 has no Ed25519 of its own:
 *
 *   node loadtest/run.mjs k6/sign.ts --url wss://relay.example/ws --pairs 50 --envelopes 600 --out frames.json
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type PlainUser, signHex } from '../../test/support/plain/users.ts';
import { register } from '../support/users.ts';
import { connectText, envelopeText, type SignedPair, type SignedUser } from './lib/frames.ts';

const AT_ONCE = 16;

export interface Signing {
  readonly url: string;
  readonly pairs: number;
  /** Of each pair. */
  readonly envelopes: number;
  readonly payloadBytes: number;
}

/** Writes the file that the scripts find by `FRAMES`. It has the private keys of its users, for protocol 2. */
export async function writeFrames(
  file: string,
  { url, pairs, envelopes, payloadBytes }: Signing,
): Promise<void> {
  const users: PlainUser[] = [];
  while (users.length < 2 * pairs) {
    const count = Math.min(AT_ONCE, 2 * pairs - users.length);
    users.push(...(await Promise.all(Array.from({ length: count }, () => register(url)))));
  }
  // Behind all requests: signing blocks this process for long, and the relay ends connections that are idle.
  const signed = Array.from({ length: pairs }, (_, n) =>
    signPair(users.slice(2 * n, 2 * n + 2) as [PlainUser, PlainUser], { envelopes, payloadBytes }),
  );
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ pairs: signed }));
}

function signPair(
  [writer, reader]: readonly [PlainUser, PlainUser],
  { envelopes, payloadBytes }: Pick<Signing, 'envelopes' | 'payloadBytes'>,
): SignedPair {
  const signatures = Array.from({ length: envelopes }, (_, id) =>
    signHex(writer, envelopeText({ sender: writer.code, recipient: reader.code, id: `${id}`, payloadBytes })),
  );
  return {
    writer: signedUser(writer),
    reader: signedUser(reader),
    signatures: signatures.join(''),
    payloadBytes,
  };
}

function signedUser(user: PlainUser): SignedUser {
  return {
    code: user.code,
    connect: signHex(user, connectText(user.code, null)),
    // The last 32 bytes of PKCS #8.
    privateKey: user.eddsaPrivateKey.export({ type: 'pkcs8', format: 'der' }).subarray(-32).toString('hex'),
  };
}

if (/sign\.m?[jt]s$/.test(process.argv[1] ?? '')) {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'ws://127.0.0.1:8080/ws' },
      pairs: { type: 'string', default: '50' },
      envelopes: { type: 'string', default: '600' },
      payload: { type: 'string', default: '300' },
      out: { type: 'string', default: '.cache/k6/frames.json' },
    },
  });
  const { url, pairs, envelopes, payload } = values;
  const out = resolve(values.out);
  await writeFrames(out, {
    url,
    pairs: Number(pairs),
    envelopes: Number(envelopes),
    payloadBytes: Number(payload),
  });
  console.log(`${out}: ${pairs} pairs of users at ${url}, ${envelopes} envelopes each`);
}
