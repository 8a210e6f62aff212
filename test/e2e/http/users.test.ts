import { describe, expect, it } from 'vitest';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { problemOf } from '../../support/plain/problem.ts';
import {
  type Keys,
  makeKeys,
  postUser,
  registerUser,
  registrationOf,
  signHex,
} from '../../support/plain/users.ts';
import { processesForTests, relayForTests } from '../../support/servers/for-tests.ts';

/** docs/protocol.md, section 1, one relay in memory. */
const processes = processesForTests();
const relay = relayForTests();

function proofOf(keys: Keys): string {
  return signHex(keys, `relay-register:${keys.ecdhPublicKey}:${keys.eddsaPublicKey}`);
}

const inCapitals = ({ ecdhPublicKey, eddsaPublicKey }: Keys) => ({
  ecdhPublicKey: ecdhPublicKey.toUpperCase(),
  eddsaPublicKey: eddsaPublicKey.toUpperCase(),
});

/** The same Ed25519 key beside another X25519 key. */
function withOtherExchangeKey(keys: Keys): Keys {
  const { ecdhPublicKey, ecdhPrivateKey } = makeKeys();
  return { ...keys, ecdhPublicKey, ecdhPrivateKey };
}

/** Posts and resolves with status and detail, of a success the empty text. */
async function post(body: unknown, headers: Record<string, string> = {}): Promise<[number, string]> {
  const response = await postUser(relay.http, body, headers);
  return response.ok ? [response.status, ''] : [response.status, (await problemOf(response)).detail];
}

describe('POST /users', () => {
  it('makes a user from two keys, and answers with exactly the members of docs/protocol.md', async () => {
    const keys = makeKeys();
    const response = await postUser(relay.http, registrationOf(keys));
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const text = await response.text();
    const user = JSON.parse(text) as { id: number; code: string; created_at: string };
    expect(text).toBe(
      `{"id":${user.id},"code":"${user.code}","name":null,"ecdh_public_key":"${keys.ecdhPublicKey}",` +
        `"eddsa_public_key":"${keys.eddsaPublicKey}","created_at":"${user.created_at}"}`,
    );
    expect(user.code).toMatch(/^[0-9A-HJKMNP-TV-Z]{7}$/);
    expect(user.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect(Math.abs(Date.parse(user.created_at) - Date.now())).toBeLessThan(60_000);
  });

  it('counts ids up from 1 and never gives a code twice', async () => {
    const fresh = await processes.relay();
    const users = [];
    for (let n = 0; n < 20; n += 1) users.push(await registerUser(fresh.http));
    expect(users[0]?.id).toBe(1);
    const ids = users.map(({ id }) => id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(20);
    expect(new Set(users.map(({ code }) => code)).size).toBe(20);
  });

  it('answers a retry with 200 and the same user, unchanged, whatever its name and the case of its hex', async () => {
    const keys = makeKeys();
    const first = await postUser(relay.http, registrationOf(keys, { name: 'Alice' }));
    expect(first.status).toBe(201);
    const made = await first.text();
    for (const again of [
      registrationOf(keys),
      registrationOf(keys, { name: 'Mallory' }),
      registrationOf(inCapitals(keys)),
    ]) {
      const response = await postUser(relay.http, again);
      expect([response.status, await response.text()]).toEqual([200, made]);
    }
  });

  it('writes keys in lower case', async () => {
    const keys = makeKeys();
    const response = await postUser(relay.http, registrationOf(inCapitals(keys)));
    expect(response.status).toBe(201);
    expect(await response.json()).toMatchObject(registrationOf(keys));
  });

  it.each([
    ['of 64 code points', '👋'.repeat(64), 201],
    ['with any letters', 'Zoë 世界', 201],
    ['null', null, 201],
    ['empty', '', 400],
    ['of 65 code points', '👋'.repeat(65), 400],
    ['with a control character', 'a\u0007b', 400],
    ['with a line feed', 'a\nb', 400],
    ['that is a number', 7, 400],
    ['that is an object', {}, 400],
  ])('answers to a name %s as documented', async (_what, name, status) => {
    const response = await postUser(relay.http, registrationOf(makeKeys(), { name }));
    expect(response.status).toBe(status);
    if (status === 201) expect(await response.json()).toMatchObject({ name });
    else expect((await problemOf(response)).detail).toMatch(/^name must be a string of 1 to 64 code points/);
  });

  const order2 = `ec${'ff'.repeat(30)}7f`;
  it.each<[string, object, RegExp]>([
    ['a missing key', { eddsa_public_key: undefined }, /^eddsa_public_key must be .* 64 hex digits/],
    [
      'no keys',
      { ecdh_public_key: undefined, eddsa_public_key: undefined },
      /^ecdh_public_key must be .*; eddsa_public_key must be/,
    ],
    ['a key that is too short', { ecdh_public_key: 'ab'.repeat(31) }, /^ecdh_public_key must be/],
    ['a key that is too long', { eddsa_public_key: 'ab'.repeat(33) }, /^eddsa_public_key must/],
    ['a key that is not hex', { ecdh_public_key: 'xy'.repeat(32) }, /^ecdh_public_key must be/],
    ['a key that is a number', { ecdh_public_key: 1 }, /^ecdh_public_key must be/],
    ['an X25519 key of small order', { ecdh_public_key: '00'.repeat(32) }, /small order/],
    [
      'an X25519 key of order 8',
      { ecdh_public_key: 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800' },
      /small order/,
    ],
    ['an X25519 key that is not canonical', { ecdh_public_key: 'ff'.repeat(32) }, /canonical/],
    [
      'an X25519 key on the twist',
      { ecdh_public_key: `02${'00'.repeat(31)}` },
      /^ecdh_public_key is not on Curve25519/,
    ],
    ['the identity as Ed25519 key', { eddsa_public_key: `01${'00'.repeat(31)}` }, /small order/],
    ['an Ed25519 key of order 2', { eddsa_public_key: order2 }, /small order/],
    ['an Ed25519 key that is not canonical', { eddsa_public_key: `ee${'ff'.repeat(30)}7f` }, /canonical/],
    [
      'an Ed25519 key off the curve',
      { eddsa_public_key: `02${'00'.repeat(31)}` },
      /not a point of the curve/,
    ],
    ['a proof that is too short', { proof: 'ab' }, /^proof must be a string of 128 hex digits/],
    ['a proof that is null', { proof: null }, /^proof must be/],
    ['a member of ours in other case', { Name: 'Alice' }, /^name must be written in lower case/],
  ])('refuses %s and says why', async (_what, changes, detail) => {
    const [status, words] = await post(registrationOf(makeKeys(), changes));
    expect(status).toBe(400);
    expect(words).toMatch(detail);
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['nothing', '', /^the body is not the JSON expected/],
    ['no object', '[]', /^the body must be one JSON object/],
    ['cut JSON', '{"ecdh_public_key":"', /inside a string \(at byte 20\)/],
    ['something behind the JSON', '{}{}', /something follows the end/],
    ['a name twice', '{"name":"a","name":"b"}', /a name stands twice/],
    ['a name twice, once in escapes', '{"name":"a","n\\u0061me":"b"}', /a name stands twice/],
    ['__proto__', '{"__proto__":{}}', /__proto__ is not allowed/],
    ['a byte order mark', '\ufeff{}', /byte order mark/],
    ['a lone surrogate', '{"name":"\\ud83d"}', /surrogate/],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), /UTF-8/],
    ['nesting of 9', `{"x":${'['.repeat(8)}${']'.repeat(8)}}`, /nested deeper than 8/],
  ])('refuses a body with %s', async (_what, body, detail) => {
    const response = await fetch(`${relay.http}/users`, { method: 'POST', body: Buffer.from(body) });
    expect(response.status).toBe(400);
    expect((await problemOf(response)).detail).toMatch(detail);
  });

  it('ignores members that it does not know', async () => {
    expect(await post(registrationOf(makeKeys(), { id: 1, code: 'ALICE00', admin: true }))).toEqual([
      201,
      '',
    ]);
  });

  it('accepts application/json, with parameters, or no content type; anything else is 415', async () => {
    const bytes = () => Buffer.from(JSON.stringify(registrationOf(makeKeys())));
    const types = { 'application/json; charset=utf-8': 201, 'APPLICATION/JSON': 201, 'text/plain': 415 };
    for (const [type, status] of Object.entries(types)) {
      const headers = { 'content-type': type };
      const response = await fetch(`${relay.http}/users`, { method: 'POST', body: bytes(), headers });
      expect(response.status, type).toBe(status);
      if (status === 415)
        expect((await problemOf(response)).detail).toBe('Content-Type is text/plain: send application/json');
    }
    const without = await fetch(`${relay.http}/users`, { method: 'POST', body: bytes() });
    expect(without.status).toBe(201);
  });

  it('accepts a body of 4 KiB, and answers 413 to one more byte', async () => {
    const json = JSON.stringify(registrationOf(makeKeys()));
    expect(await post(json.padEnd(4096))).toEqual([201, '']);
    expect(await post(json.padEnd(4097))).toEqual([413, 'the body may have 4096 bytes']);
  });
});

describe('a proof', () => {
  it('that is right is accepted, in either case of hex', async () => {
    const keys = makeKeys();
    expect(await post(registrationOf(keys, { proof: proofOf(keys).toUpperCase() }))).toEqual([201, '']);
    expect(await post(registrationOf(keys, { proof: proofOf(keys) }))).toEqual([200, '']);
  });

  it('is returned by GET /users/:code from then on, so that others can check the X25519 key', async () => {
    const keys = makeKeys();
    const { code } = (await (await postUser(relay.http, registrationOf(keys))).json()) as { code: string };
    const lookUp = async () => (await fetch(`${relay.http}/users/${code}`)).json();
    expect(await lookUp()).not.toHaveProperty('proof');
    expect(await post(registrationOf(keys, { proof: proofOf(keys) }))).toEqual([200, '']);
    expect(await lookUp()).toMatchObject({ proof: proofOf(keys) });
  });

  it('that is wrong is refused, also for a known user', async () => {
    const [keys, other] = [makeKeys(), makeKeys()];
    const proof = signHex(other, `relay-register:${keys.ecdhPublicKey}:${keys.eddsaPublicKey}`);
    const detail =
      `proof is not a signature of "relay-register:${keys.ecdhPublicKey}:${keys.eddsaPublicKey}" ` +
      'by eddsa_public_key';
    expect(await post(registrationOf(keys, { proof }))).toEqual([400, detail]);
    expect(await post(registrationOf(keys))).toEqual([201, '']);
    expect(await post(registrationOf(keys, { proof }))).toEqual([400, detail]);
  });

  it('is obligatory with RELAY_REQUIRE_PROOF=true', async () => {
    const strict = await processes.relay({ RELAY_REQUIRE_PROOF: 'true' });
    const keys = makeKeys();
    const without = await postUser(strict.http, registrationOf(keys));
    expect(without.status).toBe(400);
    expect((await problemOf(without)).detail).toMatch(
      /^proof is required here: .* "relay-register:[0-9a-f]{64}:[0-9a-f]{64}"$/,
    );
    expect((await postUser(strict.http, registrationOf(keys, { proof: proofOf(keys) }))).status).toBe(201);
    expect((await postUser(strict.http, registrationOf(keys))).status).toBe(400);
  });
});

describe('an account', () => {
  it('that is unclaimed: another exchange key is 409, and a proof resolves it; code and id stay', async () => {
    const keys = makeKeys();
    const first = (await (
      await postUser(relay.http, registrationOf(keys, { name: 'Squatter' }))
    ).json()) as object;
    const mine = withOtherExchangeKey(keys);
    const [status, detail] = await post(registrationOf(mine));
    expect(status).toBe(409);
    expect(detail).toMatch(/nobody has claimed it: send a proof/);
    const response = await postUser(
      relay.http,
      registrationOf(mine, { name: 'Alice', proof: proofOf(mine) }),
    );
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ...first, ecdh_public_key: mine.ecdhPublicKey, name: 'Alice' });
  });

  it('that a proof has claimed keeps its exchange key: 409, with a proof too', async () => {
    const keys = makeKeys();
    expect(await post(registrationOf(keys, { proof: proofOf(keys) }))).toEqual([201, '']);
    const other = withOtherExchangeKey(keys);
    const detail = 'this eddsa_public_key belongs to an account with another ecdh_public_key';
    expect(await post(registrationOf(other))).toEqual([409, detail]);
    expect(await post(registrationOf(other, { proof: proofOf(other) }))).toEqual([409, detail]);
    expect(await post(registrationOf(keys))).toEqual([200, '']);
  });

  it('is claimed by its first connect', async () => {
    const user = await registerUser(relay.http);
    const socket = await PlainClient.login(relay.ws, user);
    await socket.close();
    const other = withOtherExchangeKey(user);
    const [status, detail] = await post(registrationOf(other, { proof: proofOf(other) }));
    expect([status, detail]).toEqual([
      409,
      'this eddsa_public_key belongs to an account with another ecdh_public_key',
    ]);
  });

  it('may share its exchange key with another: the KDF allows for that', async () => {
    const [keys, other] = [makeKeys(), makeKeys()];
    expect((await post(registrationOf(keys)))[0]).toBe(201);
    expect((await post(registrationOf({ ...other, ecdhPublicKey: keys.ecdhPublicKey })))[0]).toBe(201);
  });
});
