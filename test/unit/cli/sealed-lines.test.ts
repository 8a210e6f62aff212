import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sealedLines } from '../../../src/cli/person/account/sealed-lines.ts';
import { createIdentity, fileStorage } from '../../../src/client/index.ts';

describe('the state on disk', () => {
  const identity = createIdentity();
  const changes = (entries: Record<string, string | null>) => new Map(Object.entries(entries));
  let folder = '';
  let path = '';
  const open = (whose = identity) => fileStorage(path, sealedLines(fs, whose));
  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'keyrelay-'));
    path = join(folder, 'state.jsonl');
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  test('comes back, and says nothing to a reader who lacks the identity', async () => {
    const storage = open();
    await storage.load();
    await storage.write(changes({ account: '"E011T7D"', b: '"ä\n"' }));
    await storage.write(changes({ b: null, c: '1' }));
    expect(await fs.readFile(path, 'utf8')).not.toMatch(/E011T7D|account|[{"]/);
    expect(await open().load()).toEqual(changes({ account: '"E011T7D"', c: '1' }));
    await expect(open(createIdentity()).load()).rejects.toMatchObject({ code: 'storage_failed' });
  });

  test('is read where an earlier version has left it unencrypted, and is encrypted from then on', async () => {
    const plain = fileStorage(path, fs);
    await plain.load();
    await plain.write(changes({ account: '"E011T7D"' }));
    expect(await open().load()).toEqual(changes({ account: '"E011T7D"' }));
    expect(await fs.readFile(path, 'utf8')).not.toContain('E011T7D');
  });

  test('loses nothing but the write that a crash tore, and takes no altered line', async () => {
    const storage = open();
    await storage.load();
    await storage.write(changes({ a: '1' }));
    const whole = await fs.readFile(path, 'utf8');
    await storage.write(changes({ a: '2' }));
    const longer = await fs.readFile(path, 'utf8');
    await fs.writeFile(path, longer.slice(0, -5));
    expect(await open().load()).toEqual(changes({ a: '1' }));
    await fs.writeFile(
      path,
      whole.replace(/.(?=.{9}\n$)/, (letter) => (letter === 'A' ? 'B' : 'A')),
    );
    await expect(open().load()).rejects.toMatchObject({ code: 'storage_failed' });
  });
});
