import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../../src/cli/dev/root.ts';
import { SCENARIOS } from '../scenarios/index.ts';
import { MUTATIONS } from './engine-mutations.ts';
import { placesOf } from './mutation.ts';

/** A mutation whose text is gone breaks nothing, and its being caught would prove nothing. */
describe('the broken relays of the fault suite', () => {
  it.each(MUTATIONS)('can still be built: $name', (mutation) => {
    for (const { file, from } of placesOf(mutation)) {
      const text = readFileSync(join(ROOT, 'dist', file), 'utf8');
      expect(text.split(from).length - 1, `${file}: ${from}`).toBe(1);
    }
  });

  it('are tried with scenarios that exist', () => {
    const names = new Set(SCENARIOS.map(({ name }) => name));
    for (const { scenarios } of MUTATIONS) for (const name of scenarios) expect(names).toContain(name);
  });
});
