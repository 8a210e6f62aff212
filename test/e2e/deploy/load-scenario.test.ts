import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const RUN = fileURLToPath(new URL('../../../loadtest/run.mjs', import.meta.url));
const RUN_TIMEOUT_MS = 60_000;

interface Result {
  readonly verdicts: readonly { readonly held: boolean; readonly threshold: string }[];
  readonly stages: readonly { readonly due: number; readonly received: number }[];
}

test(
  'the smoke scenario runs against a cluster that it starts, and finds everything delivered',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keyrelay-load-'));
    try {
      const args = [RUN, 'scenarios/main.ts', 'smoke', '--time', '0.2', '--pairs', '4'];
      const output = await new Promise<string>((resolve) => {
        execFile(process.execPath, args, { cwd: folder, timeout: RUN_TIMEOUT_MS }, (error, stdout, stderr) =>
          resolve(`${stdout}\n${stderr}\n${error?.message ?? ''}`),
        );
      });
      const file = await readFile(join(folder, '.cache/scenarios/smoke.json'), 'utf8').catch(() => {
        throw new Error(`no result was written:\n${output}`);
      });
      const { verdicts, stages } = JSON.parse(file) as Result;
      // How fast is for a quiet machine to say; that nothing is lost holds on any.
      expect(verdicts.filter(({ held, threshold }) => !held && !threshold.startsWith('p99'))).toEqual([]);
      expect(stages[0]?.due).toBeGreaterThan(30);
      expect(stages[0]?.received).toBe(stages[0]?.due);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  RUN_TIMEOUT_MS,
);
