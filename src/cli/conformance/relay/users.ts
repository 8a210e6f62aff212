import { demand, newExchangeKey, newKeys, proof, same } from '../peer.ts';
import type { Target } from '../target.ts';
import { type Case, SMALL_ORDER } from './case.ts';

const SECTION = '1 Users';

const NOT_CANONICAL = `ed${'ff'.repeat(30)}7f`;

function bodyOf({ ecdhPublicKey, eddsaPublicKey }: ReturnType<typeof newKeys>): Record<string, string> {
  return { ecdh_public_key: ecdhPublicKey, eddsa_public_key: eddsaPublicKey };
}

async function problem(target: Target, status: number, what: string, body: object | string, type?: string) {
  const answer = await target.post(body, type);
  demand(
    answer.status === status,
    `${what} was answered with ${answer.status}, and should be with ${status}`,
  );
  same(
    `the content type of the ${status}`,
    answer.headers.get('content-type')?.split(';')[0],
    'application/problem+json',
  );
}

export const USER_CASES: readonly Case[] = [
  {
    section: SECTION,
    name: 'a pair of keys becomes a user, and the same pair again is the same user',
    run: async (target) => {
      const keys = newKeys();
      const first = await target.post(bodyOf(keys));
      same('the status', first.status, 201);
      const {
        id,
        code,
        name,
        created_at: created,
        ecdh_public_key: ecdh,
        eddsa_public_key: eddsa,
      } = first.body;
      demand(Number.isInteger(id) && Number(id) >= 1, `id is ${String(id)}, and should count from 1`);
      demand(/^[0-9A-HJKMNP-TV-Z]{7}$/.test(String(code)), `${String(code)} is no code`);
      same('name', name, null);
      same('the keys', { ecdh_public_key: ecdh, eddsa_public_key: eddsa }, bodyOf(keys));
      demand(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(String(created)),
        `created_at is ${String(created)}, and should have six decimals and Z`,
      );
      same('Cache-Control', first.headers.get('cache-control'), 'no-store');
      const upper = Object.fromEntries(
        Object.entries(bodyOf(keys)).map(([key, hex]) => [key, hex.toUpperCase()]),
      );
      const again = await target.post(upper);
      same('the status of the repetition', again.status, 200);
      same('the user of the repetition', again.body, first.body);
    },
  },
  {
    section: SECTION,
    name: 'bad keys, a wrong proof and bad bodies are refused, each with its status',
    run: async (target) => {
      const good = bodyOf(newKeys());
      await problem(target, 400, 'a key that is no hex', { ...good, ecdh_public_key: 'x'.repeat(64) });
      await problem(target, 400, 'an X25519 key of small order', { ...good, ecdh_public_key: SMALL_ORDER });
      await problem(target, 400, 'an X25519 key that is not canonical', {
        ...good,
        ecdh_public_key: NOT_CANONICAL,
      });
      await problem(target, 400, 'an Ed25519 key of small order', { ...good, eddsa_public_key: SMALL_ORDER });
      await problem(target, 400, 'a wrong proof', { ...good, proof: 'ab'.repeat(64) });
      await problem(target, 400, 'two equal names', `{"ecdh_public_key":"","ecdh_public_key":""}`);
      await problem(target, 415, 'text/plain', good, 'text/plain');
      await problem(target, 413, 'more than 4 KiB', { ...good, more: 'x'.repeat(5_000) });
      const { status, headers } = await target.ask('/users', { method: 'DELETE' });
      same('the status of DELETE', status, 405);
      demand(headers.get('allow') !== null, 'the 405 has no Allow');
    },
  },
  {
    section: SECTION,
    name: 'a claimed key keeps its X25519 key: another pair is 409',
    run: async (target) => {
      const user = await target.user();
      const other = newExchangeKey();
      await problem(target, 409, 'a claimed Ed25519 key with another X25519 key', {
        ...bodyOf({ ...user, ecdhPublicKey: other }),
        proof: proof(user, other),
      });
    },
  },
  {
    section: SECTION,
    name: 'a look-up gives the user with the proof, reads codes forgivingly, and is 404 for others',
    run: async (target) => {
      const user = await target.user();
      const found = await target.ask(
        `/users/${user.code.toLowerCase().replaceAll('0', 'o').replaceAll('1', 'l')}`,
      );
      same('the status', found.status, 200);
      same('the code', found.body.code, user.code);
      same('the proof', found.body.proof, proof(user));
      same('the status of no code', (await target.ask('/users/UUUUUUU')).status, 404);
      same('the status of HEAD', (await target.ask(`/users/${user.code}`, { method: 'HEAD' })).status, 200);
    },
  },
];
