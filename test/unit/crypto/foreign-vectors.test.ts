import { afterEach, expect, it, vi } from 'vitest';
import { foreignVectors } from '../../support/keys/foreign-vectors.ts';

afterEach(() => vi.unstubAllEnvs());

it('foreign test vectors may be missing on a machine of a developer, but not in CI', () => {
  vi.stubEnv('CI', '');
  expect(foreignVectors('no-such-file.json')).toBeNull();
  vi.stubEnv('CI', 'true');
  expect(() => foreignVectors('no-such-file.json')).toThrow(
    /no-such-file\.json is missing: CI checks foreign/,
  );
});
