import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Child } from '../../../src/cli/dev/child.ts';
import { envelopeText, frameOf } from '../plain/frames.ts';
import { PlainClient } from '../plain/plain-client.ts';
import { type PlainUser, registerUser } from '../plain/users.ts';
import { type RedisServer, startRedis } from './redis.ts';

/** What nodes of an older version left in Redis, as commands, and the keys of the users that it is of. */

export const OLD_MAILBOXES = new URL('./old-mailboxes.json', import.meta.url);

interface OldUser {
  readonly id: number;
  readonly code: string;
  /** PKCS #8, base64. */
  readonly eddsaPrivateKey: string;
  readonly ecdhPrivateKey: string;
  readonly eddsaPublicKey: string;
  readonly ecdhPublicKey: string;
}

interface OldKey {
  readonly key: string;
  /** The commands that make it, without its name. */
  readonly made: readonly (readonly [command: string, ...args: string[]])[];
  /** -1: never expires. */
  readonly ttlMs: number;
}

interface OldMailboxes {
  readonly version: string;
  readonly recordedAtMs: number;
  readonly users: Readonly<Record<'alice' | 'bob' | 'carol', OldUser>>;
  /** Frames that wait, oldest first. */
  readonly waiting: Readonly<Record<'bob' | 'carol', readonly string[]>>;
  readonly keys: readonly OldKey[];
}

/** Alice has written to Bob, who speaks protocol 2 and has confirmed two of six, and to Carol, who never came. */
export async function recordMailboxes(main: string): Promise<OldMailboxes> {
  const redis = await startRedis();
  const env = {
    ...process.env,
    RELAY_PORT: '0',
    RELAY_ADMIN_PORT: '0',
    RELAY_DRAIN_MS: '0',
    RELAY_REDIS_URL: redis.url,
  };
  const node = await Child.start({ command: process.execPath, args: [main, 'serve'], env });
  try {
    const [line] = await node.waitFor(/^\{.*"msg":"listening".*\}$/m, 20_000);
    const { port, version } = JSON.parse(line) as { port: number; version: string };
    const [http, ws] = [`http://127.0.0.1:${port}`, `ws://127.0.0.1:${port}/ws`];
    const alice = await registerUser(http);
    const bob = await registerUser(http);
    const carol = await registerUser(http);
    const reader = await PlainClient.login(ws, bob, { protocol: 2 });
    const writer = await PlainClient.login(ws, alice);
    const toBob = Array.from({ length: 6 }, (_, index) => writtenBy(alice, bob, `old-${index}`));
    const toCarol = Array.from({ length: 3 }, () => writtenBy(alice, carol));
    for (const frame of [...toBob.slice(0, 2), ...toCarol]) writer.send(frame);
    await reader.untilEnvelopes(2);
    reader.ack(reader.seqs()[1] ?? '');
    await reader.close();
    for (const frame of toBob.slice(2)) writer.send(frame);
    await writer.until(() => writer.accepted().length === toBob.length);
    await writer.close();
    node.signal('SIGTERM');
    await node.exited();
    return {
      version,
      recordedAtMs: Date.now(),
      users: { alice: exported(alice), bob: exported(bob), carol: exported(carol) },
      waiting: { bob: toBob.slice(2), carol: toCarol },
      keys: await dump(redis),
    };
  } finally {
    await node.stop();
    await redis.remove();
  }
}

/** Puts it into an empty Redis, as if it had been recorded an hour ago. */
export async function loadOldMailboxes(redis: RedisServer) {
  const old = JSON.parse(readFileSync(OLD_MAILBOXES, 'utf8')) as OldMailboxes;
  const laterUs = BigInt(Date.now() - 3_600_000 - old.recordedAtMs) * 1000n;
  // Mailbox ids and `oldest`: microseconds since 1970, of 16 digits until the year 2286.
  const shifted = (text: string) => text.replace(/^(\d{16})(?=-\d+$|$)/, (us) => `${BigInt(us) + laterUs}`);
  for (const { key, made, ttlMs } of old.keys) {
    for (const [command, ...args] of made) await redis.call(command, key, ...args.map(shifted));
    if (ttlMs >= 0) await redis.call('PEXPIRE', key, ttlMs);
  }
  const { alice, bob, carol } = old.users;
  return {
    version: old.version,
    waiting: old.waiting,
    users: { alice: imported(alice), bob: imported(bob), carol: imported(carol) },
  };
}

function writtenBy(sender: PlainUser, recipient: PlainUser, id?: string): string {
  const payload = `written by an older version, to ${recipient.code}`;
  const named = id === undefined ? {} : { id };
  return frameOf(sender, envelopeText({ sender: sender.code, recipient: recipient.code, ...named, payload }));
}

async function dump(redis: RedisServer): Promise<OldKey[]> {
  const names = ((await redis.call('KEYS', '*')) as string[]).toSorted();
  return Promise.all(
    names.map(async (key) => ({
      key,
      made: await made(redis, key),
      ttlMs: Number(await redis.call('PTTL', key)),
    })),
  );
}

async function made(redis: RedisServer, key: string): Promise<OldKey['made']> {
  const type = String(await redis.call('TYPE', key));
  switch (type) {
    case 'string':
      return [['SET', String(await redis.call('GET', key))]];
    case 'hash':
      return [['HSET', ...flat(await redis.call('HGETALL', key))]];
    case 'zset':
      return pairs(flat(await redis.call('ZRANGE', key, '0', '-1', 'WITHSCORES'))).map(([member, score]) => [
        'ZADD',
        score,
        member,
      ]);
    case 'stream':
      return ((await redis.call('XRANGE', key, '-', '+')) as [string, string[]][]).map(([id, fields]) => [
        'XADD',
        id,
        ...fields,
      ]);
    default:
      throw new Error(`${key} is a ${type}: not recorded yet`);
  }
}

function exported({ id, code, eddsaPublicKey, ecdhPublicKey, ...keys }: PlainUser): OldUser {
  const text = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'der' }).toString('base64');
  return {
    id,
    code,
    eddsaPublicKey,
    ecdhPublicKey,
    eddsaPrivateKey: text(keys.eddsaPrivateKey),
    ecdhPrivateKey: text(keys.ecdhPrivateKey),
  };
}

function imported(user: OldUser): PlainUser {
  const key = (text: string) =>
    createPrivateKey({ key: Buffer.from(text, 'base64'), type: 'pkcs8', format: 'der' });
  return {
    ...user,
    eddsaPrivateKey: key(user.eddsaPrivateKey),
    ecdhPrivateKey: key(user.ecdhPrivateKey),
  };
}

/** RESP3 answers in maps and pairs, RESP2 in flat lists. */
function flat(reply: unknown): string[] {
  if (Array.isArray(reply)) return reply.flat().map(String);
  return Object.entries(reply as object)
    .flat()
    .map(String);
}

function pairs(list: readonly string[]): [string, string][] {
  return list.flatMap((member, index) =>
    index % 2 === 0 ? [[member, list[index + 1] ?? ''] as [string, string]] : [],
  );
}
