import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';

/** A temporary folder: there from the first test of a file or a `describe` on, and gone behind the last. */
export function folderForTests(): string {
  const folder = join(tmpdir(), `keyrelay-test-${randomUUID()}`);
  // Not at once: where all tests are skipped, nothing would remove it.
  beforeAll(() => void mkdirSync(folder, { mode: 0o700 }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
