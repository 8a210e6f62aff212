import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A temporary folder that goes behind the last test of a file or a `describe`. */
export function folderForTests(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyrelay-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
