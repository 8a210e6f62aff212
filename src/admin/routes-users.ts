import { checkEd25519Key, checkX25519Key } from '../crypto/keys.ts';
import type { UserCard } from '../engine/verbs/operators.ts';
import { readCode } from '../protocol/codes.ts';
import { AdminProblem, type Given, type Route } from './route.ts';
import {
  ban,
  deadLetter,
  deadLetterBox,
  listOf,
  newUser,
  pageOf,
  purged,
  registered,
  user,
} from './shapes.ts';

const AFTER = { name: 'after', means: '`next` of the page before.' };
const NO_USER = { 404: 'No user has this code.', 410: 'The user of this code has left or was deleted.' };
const NO_CONTENT = { status: 204 } as const;

function codeOf({ path }: Given): string {
  const code = readCode(path.code ?? '');
  if (code === null) throw new AdminProblem(404, 'a code has 7 letters and digits, such as E011T7D');
  return code;
}

const unknown = (code: string) => new AdminProblem(404, `no user has the code ${code}`);

function must(done: boolean, code: string): typeof NO_CONTENT {
  if (!done) throw unknown(code);
  return NO_CONTENT;
}

function wire(card: UserCard) {
  return {
    code: card.code,
    id: card.id,
    name: card.name,
    ecdh_public_key: card.ecdhPublicKey,
    eddsa_public_key: card.eddsaPublicKey,
    created_at: card.createdAt,
    claimed: card.claimed,
    protocol: card.minProtocol,
    last_login_at: card.lastLoginAt,
    waiting: card.waiting,
    node: card.node,
    ban: card.ban,
  };
}

/** What operators may do with users, and what they may know of them. */
export const USER_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/users',
    summary: 'Users, page by page, in no order. With `key`, the one who is registered with it.',
    query: [AFTER, { name: 'key', means: 'An Ed25519 public key, 64 hex digits.' }],
    answer: { status: 200, schema: pageOf(user) },
    handle: async ({ engine }, { query }) => {
      if (query.key === undefined) {
        const { items, next } = await engine.operators.list(query.after ?? null);
        return { status: 200, json: { items: items.map(wire), next } };
      }
      const code = await engine.operators.findByKey(query.key.toLowerCase());
      const card = code === null ? null : await engine.operators.show(code);
      return {
        status: 200,
        json: { items: card === null || card === 'gone' ? [] : [wire(card)], next: null },
      };
    },
  },
  {
    method: 'POST',
    path: '/v1/users',
    summary: 'Registers a user, whatever RELAY_REGISTRATION says.',
    action: 'user create',
    body: newUser,
    answer: { status: 201, schema: registered },
    problems: { 409: 'The Ed25519 key is registered with another X25519 key.', 503: 'The relay is full.' },
    handle: async ({ engine }, { body }) => {
      const given = newUser.parse(body);
      const ecdhPublicKey = given.ecdh_public_key.toLowerCase();
      const eddsaPublicKey = given.eddsa_public_key.toLowerCase();
      const wrong = checkX25519Key(ecdhPublicKey) ?? checkEd25519Key(eddsaPublicKey);
      if (wrong !== null) throw new AdminProblem(400, `the key ${wrong}`);
      const keys = { ecdhPublicKey, eddsaPublicKey };
      const result = await engine.register({ ...keys, name: given.name ?? null, proof: null });
      if ('user' in result) return { status: 201, json: { code: result.user.code } };
      if (result.outcome === 'full') throw new AdminProblem(503, 'this relay takes no more users');
      throw new AdminProblem(409, 'this Ed25519 key is registered with another X25519 key');
    },
  },
  {
    method: 'GET',
    path: '/v1/users/{code}',
    summary: 'What an operator may know of a user. Nothing of it is content.',
    answer: { status: 200, schema: user },
    problems: NO_USER,
    handle: async ({ engine }, given) => {
      const code = codeOf(given);
      const card = await engine.operators.show(code);
      if (card === 'gone') throw new AdminProblem(410, `the user of ${code} has left or was deleted`);
      if (card === null) throw unknown(code);
      return { status: 200, json: wire(card) };
    },
  },
  {
    method: 'DELETE',
    path: '/v1/users/{code}',
    summary: 'Deletes a user with everything that waits. The code is never given again.',
    action: 'user delete',
    answer: NO_CONTENT,
    problems: { 404: NO_USER[404] },
    handle: async ({ engine }, given) => must(await engine.operators.remove(codeOf(given)), codeOf(given)),
  },
  {
    method: 'PUT',
    path: '/v1/users/{code}/ban',
    summary: 'Ends the session with 4403, and refuses logins and mail until the ban is over.',
    action: 'user ban',
    body: ban,
    answer: NO_CONTENT,
    problems: { 404: NO_USER[404] },
    handle: async ({ engine }, given) => {
      const { for_s: seconds } = ban.parse(given.body);
      const code = codeOf(given);
      const forMs = seconds === null ? null : seconds * 1000;
      return must(await engine.operators.ban(code, { forMs, reason: given.query.reason ?? '' }), code);
    },
  },
  {
    method: 'DELETE',
    path: '/v1/users/{code}/ban',
    summary: 'Ends a ban.',
    action: 'user unban',
    answer: NO_CONTENT,
    problems: { 404: NO_USER[404] },
    handle: async ({ engine }, given) => must(await engine.operators.unban(codeOf(given)), codeOf(given)),
  },
  {
    method: 'POST',
    path: '/v1/users/{code}/disconnect',
    summary: 'Ends the session. The user may log in again at once.',
    action: 'user disconnect',
    answer: NO_CONTENT,
    problems: { 404: NO_USER[404] },
    handle: async ({ engine }, given) =>
      must(await engine.operators.disconnect(codeOf(given)), codeOf(given)),
  },
  {
    method: 'DELETE',
    path: '/v1/users/{code}/mailbox',
    summary: 'Deletes everything that waits for a user. The session goes on behind it.',
    action: 'mailbox purge',
    answer: { status: 200, schema: purged },
    problems: { 404: NO_USER[404] },
    handle: async ({ engine }, given) => {
      const deleted = await engine.operators.purge(codeOf(given));
      if (deleted === null) throw unknown(codeOf(given));
      return { status: 200, json: { deleted } };
    },
  },
  {
    method: 'GET',
    path: '/v1/dead-letters',
    summary: 'Users with dead letters: what stood in their mailboxes and could never be delivered.',
    query: [AFTER],
    answer: { status: 200, schema: pageOf(deadLetterBox) },
    handle: async ({ engine }, { query }) => ({
      status: 200,
      json: await engine.operators.deadLetters(query.after ?? null),
    }),
  },
  {
    method: 'GET',
    path: '/v1/dead-letters/{code}',
    summary: 'The dead letters of a user, the last 16.',
    answer: { status: 200, schema: listOf(deadLetter) },
    handle: async ({ engine }, given) => ({
      status: 200,
      json: { items: await engine.operators.deadLettersOf(codeOf(given)) },
    }),
  },
  {
    method: 'DELETE',
    path: '/v1/dead-letters/{code}/{id}',
    summary: 'Drops a dead letter.',
    action: 'dead-letter drop',
    answer: NO_CONTENT,
    problems: { 404: 'No dead letter has this id.' },
    handle: async ({ engine }, given) => {
      const { id = '' } = given.path;
      if (await engine.operators.dropDeadLetter(codeOf(given), id)) return NO_CONTENT;
      throw new AdminProblem(404, `no dead letter has the id ${id}`);
    },
  },
];
