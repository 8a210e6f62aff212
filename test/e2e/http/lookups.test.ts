import { describe, expect, it } from 'vitest';
import { problemOf } from '../../support/plain/problem.ts';
import { makeKeys, postUser, registerUser, registrationOf } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/** docs/protocol.md, section 1, one relay in memory. */
const relay = relayForTests();

describe('GET /users/:code', () => {
  it('answers with the same object', async () => {
    const response = await postUser(relay.http, registrationOf(makeKeys(), { name: 'Bob' }));
    const made = await response.text();
    const { code } = JSON.parse(made) as { code: string };
    const found = await fetch(`${relay.http}/users/${code}`);
    expect(found.status).toBe(200);
    expect(found.headers.get('content-type')).toBe('application/json');
    expect(found.headers.get('cache-control')).toBe('no-store');
    expect(await found.text()).toBe(made);
  });

  it('reads a code as people write it: lower case, O for 0, I and L for 1', async () => {
    // Until one has both digits: every code has one of them with a chance of a third.
    for (;;) {
      const { code } = await registerUser(relay.http);
      if (!code.includes('0') || !code.includes('1')) continue;
      for (const one of ['I', 'i', 'L', 'l']) {
        for (const zero of ['O', 'o']) {
          const written = code.toLowerCase().replaceAll('0', zero).replaceAll('1', one);
          const response = await fetch(`${relay.http}/users/${written}`);
          expect([written, response.status]).toEqual([written, 200]);
          expect(await response.json()).toMatchObject({ code });
        }
      }
      return;
    }
  });

  it.each([
    '0000000',
    'E011T7',
    'E011T7DX',
    'E011T7U',
    '',
    'server',
    'E011T7D/',
    '..%2Fusers',
    '%00',
    '{a}:*',
  ])('answers 404 to %j, which no user has', async (code) => {
    const response = await fetch(`${relay.http}/users/${code}`);
    expect(response.status).toBe(404);
    expect((await problemOf(response)).detail).toMatch(/^no user has this code/);
  });

  it('answers HEAD like GET, without the body', async () => {
    const { code } = await registerUser(relay.http);
    for (const path of [`/users/${code}`, '/users/0000000']) {
      const get = await fetch(relay.http + path);
      const head = await fetch(relay.http + path, { method: 'HEAD' });
      expect(head.status).toBe(get.status);
      expect(await head.text()).toBe('');
      const length = Buffer.byteLength(await get.text());
      expect(head.headers.get('content-length')).toBe(`${length}`);
      for (const name of ['content-type', 'cache-control', 'access-control-allow-origin'])
        expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
  });
});
