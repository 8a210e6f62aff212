import { describe, expect, it } from 'vitest';
import { codeFromRandom, isCode, readCode } from '../../../src/protocol/codes.ts';
import { proofText, readRegistration, userJson } from '../../../src/protocol/registration.ts';

const ECDH = 'ab'.repeat(32);
const EDDSA = 'cd'.repeat(32);
const KEYS = { ecdh_public_key: ECDH, eddsa_public_key: EDDSA };
const PROOF = '12'.repeat(64);

describe('the body of POST /users', () => {
  it('is two keys; hex of either case becomes lower case', () => {
    const request = {
      ecdhPublicKey: ECDH,
      eddsaPublicKey: EDDSA,
      name: null,
      proof: null,
      invite: null,
      work: null,
    };
    expect(readRegistration(KEYS)).toEqual({ ok: true, request });
    const upper = {
      ecdh_public_key: ECDH.toUpperCase(),
      eddsa_public_key: EDDSA.toUpperCase(),
      proof: PROOF.toUpperCase(),
    };
    expect(readRegistration(upper)).toEqual({ ok: true, request: { ...request, proof: PROOF } });
  });

  it('may have unknown members, which are ignored', () => {
    expect(readRegistration({ ...KEYS, code: 'A11CE00', constructor: 1, x: {} })).toMatchObject({ ok: true });
  });

  it.each(['a', 'Alice', '\u{1f600}'.repeat(64), 'x'.repeat(64), 'é', ' ', 'null'])(
    'may name the user: %s',
    (name) => {
      expect(readRegistration({ ...KEYS, name })).toMatchObject({ ok: true, request: { name } });
    },
  );

  it('may have a null name', () => {
    expect(readRegistration({ ...KEYS, name: null })).toMatchObject({ ok: true, request: { name: null } });
  });

  const NAME = 'name must be a string of 1 to 64 code points without control characters';
  const KEY = (name: string) => `${name} must be a string of 64 hex digits (32 bytes)`;
  it.each([
    ['an empty name', { ...KEYS, name: '' }, [NAME]],
    ['65 code points', { ...KEYS, name: 'x'.repeat(65) }, [NAME]],
    ['65 code points of two units', { ...KEYS, name: '\u{1f600}'.repeat(65) }, [NAME]],
    ['a megabyte', { ...KEYS, name: 'x'.repeat(1_000_000) }, [NAME]],
    ['a line feed', { ...KEYS, name: 'a\nb' }, [NAME]],
    ['NUL', { ...KEYS, name: '\0' }, [NAME]],
    ['DEL', { ...KEYS, name: 'a\u007f' }, [NAME]],
    ['a C1 control', { ...KEYS, name: '\u0085' }, [NAME]],
    ['a number as name', { ...KEYS, name: 1 }, [NAME]],
    ['an array as name', { ...KEYS, name: ['x'] }, [NAME]],
    ['no ecdh key', { eddsa_public_key: EDDSA }, [KEY('ecdh_public_key')]],
    ['no eddsa key', { ecdh_public_key: ECDH }, [KEY('eddsa_public_key')]],
    ['a short key', { ...KEYS, ecdh_public_key: ECDH.slice(1) }, [KEY('ecdh_public_key')]],
    ['a key with a line feed', { ...KEYS, ecdh_public_key: `${ECDH.slice(1)}\n` }, [KEY('ecdh_public_key')]],
    ['base64', { ...KEYS, eddsa_public_key: `${'A'.repeat(43)}=` }, [KEY('eddsa_public_key')]],
    ['null as key', { ...KEYS, eddsa_public_key: null }, [KEY('eddsa_public_key')]],
    ['a short proof', { ...KEYS, proof: 'ab' }, ['proof must be a string of 128 hex digits (64 bytes)']],
    ['null as proof', { ...KEYS, proof: null }, ['proof must be a string of 128 hex digits (64 bytes)']],
    ['a name of ours in capitals', { ...KEYS, Name: 'x' }, ['name must be written in lower case']],
    ['a look-alike proof', { ...KEYS, PROOF }, ['proof must be written in lower case']],
    ['an array', [KEYS], ['the body must be one JSON object']],
    ['null', null, ['the body must be one JSON object']],
    ['a string', 'x', ['the body must be one JSON object']],
    ['all at once', { name: '' }, [KEY('ecdh_public_key'), KEY('eddsa_public_key'), NAME]],
  ])('is refused with every mistake in words: %s', (_, body, errors) => {
    expect(readRegistration(body)).toEqual({ ok: false, errors });
  });

  it('is proven by a signature over this text', () => {
    expect(proofText(ECDH, EDDSA)).toBe(`relay-register:${ECDH}:${EDDSA}`);
  });
});

it('a user is written with the members of the protocol, in its order', () => {
  const user = {
    createdAt: '2025-03-26T19:45:38.204489Z',
    eddsaPublicKey: EDDSA,
    ecdhPublicKey: ECDH,
    name: null,
    code: 'E011T7D',
    id: 1,
    claimed: true,
    proof: null,
  };
  expect(JSON.stringify(userJson(user))).toBe(
    `{"id":1,"code":"E011T7D","name":null,"ecdh_public_key":"${ECDH}","eddsa_public_key":"${EDDSA}",` +
      '"created_at":"2025-03-26T19:45:38.204489Z"}',
  );
});

describe('a code', () => {
  it('is 7 characters of Crockford base32', () => {
    for (const code of ['E011T7D', '0000000', 'ZZZZZZZ', 'A11CE00']) expect(isCode(code)).toBe(true);
    const outside = ['e011t7d', 'EO11T7D', 'EI11T7D', 'EL11T7D', 'EU11T7D', 'E011T7D\n'];
    for (const other of ['', 'E011T7', 'E011T7DD', ...outside]) expect(isCode(other), other).toBe(false);
  });

  it('is read leniently from user input', () => {
    expect(readCode('eoIl-t7d')).toBeNull();
    expect(readCode('eoIlt7d')).toBe('E011T7D');
    expect(readCode('E011T7U')).toBeNull();
    expect(readCode('E011T7\u017f')).toBeNull();
    expect(readCode(' E011T7D')).toBeNull();
  });

  it('is made from random bytes, every character equally often', () => {
    const seen = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      const code = codeFromRandom(new Uint8Array(7).fill(byte));
      expect(isCode(code)).toBe(true);
      seen.set(code, (seen.get(code) ?? 0) + 1);
    }
    expect(seen.size).toBe(32);
    expect(new Set(seen.values())).toEqual(new Set([8]));
  });
});
