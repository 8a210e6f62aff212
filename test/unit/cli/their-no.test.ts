import { describe, expect, test } from 'vitest';
import { orTheirNo } from '../../../src/cli/person/by-code/their-no.ts';
import { TimeLimit } from '../../../src/cli/person/time-limit.ts';

describe('a file that fails by code', () => {
  const failed = () => Promise.reject(new Error('the relay refused a part'));

  test('is explained by a no that is read only after it', async () => {
    const limit = new TimeLimit(60_000);
    setTimeout(() => limit.abort(new Error('they do not want it')), 50);
    await expect(orTheirNo(failed(), limit)).rejects.toThrow('they do not want it');
  });

  test('keeps its own reason if no word comes', async () => {
    await expect(orTheirNo(failed(), new TimeLimit(60_000))).rejects.toThrow('the relay refused a part');
  });

  test('is not waited for once the command is interrupted', async () => {
    const limit = new TimeLimit(60_000);
    limit.abort(new Error('interrupted'));
    await expect(orTheirNo(failed(), limit)).rejects.toThrow('interrupted');
  });
});
