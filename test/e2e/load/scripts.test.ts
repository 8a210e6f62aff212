import { spawn, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeFrames } from '../../../loadtest/k6/sign.ts';
import { inspect, runScript } from '../../../loadtest/k6-runtime/run.ts';
import { ROOT } from '../../../src/cli/dev/root.ts';
import { written } from '../../support/clients/command-line.ts';
import { folderForTests } from '../../support/folder.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

const SCRIPTS = join(ROOT, 'loadtest/k6');
const HAS_K6 = spawnSync('k6', ['version']).status === 0;
const TIMEOUT_MS = 90_000;
/** Of k6: 99 is a crossed threshold. How fast a busy machine is decides nothing here. */
const EXPECTED = [0, 99];

/** Shortened; what is not set is as in loadtest/k6/lib/env.ts. */
const FORMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  smoke: { TIME: '0.2' },
  average: { TIME: '0.05' },
  stress: { TIME: '0.04' },
  spike: { TIME: '0.06', PAIRS: '4' },
  soak: { TIME: '0.001', RATE: '400' },
  breakpoint: { TIME: '0.04', PAIRS: '4' },
  'reconnect-storm': { TIME: '0.1' },
  offline: { TIME: '0.1' },
};
const SMALL = { PAIRS: '8', RATE: '80' };

const folder = folderForTests();
const relay = relayForTests({ RELAY_ENVELOPES_PER_S: '0', RELAY_BYTES_PER_S: '0' });

async function run(name: string, form: Readonly<Record<string, string>>) {
  const script = join(SCRIPTS, `${name}.ts`);
  const env = { ...SMALL, ...form, RELAY_URL: relay.ws, FRAMES: join(folder, `${name}.json`) };
  const { needs } = (await inspect(script, env)) as { needs: { pairs: number; envelopes: number } };
  await writeFrames(env.FRAMES, { ...needs, url: relay.ws, payloadBytes: 300 });
  return HAS_K6 ? runByK6(script, env) : runHere(script, env);
}

async function runHere(script: string, env: Readonly<Record<string, string>>) {
  let output = '';
  const write = (text: string) => {
    output += text;
  };
  return { exitCode: await runScript({ script, env, stdout: write, stderr: write }), output };
}

function runByK6(script: string, env: Readonly<Record<string, string>>) {
  const args = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
  const k6 = spawn('k6', ['run', '--quiet', ...args, script]);
  const output = written(k6.stdout, k6.stderr);
  return new Promise<{ exitCode: number; output: string }>((resolve) => {
    k6.once('close', (code) => resolve({ exitCode: code ?? 1, output: output.text }));
  });
}

/** The thresholds of a metric as the summary prints them: `✓ 'count==0'`. */
function verdicts(output: string, metric: string): readonly string[] {
  const lines = output.split('\n');
  const at = lines.findIndex((line) => line.trim() === metric);
  const own = lines.slice(at + 1, lines.indexOf('', at));
  return at < 0 ? [] : own.map((line) => line.trim().split(/ +/).slice(0, 2).join(' '));
}

describe.concurrent(`the load scripts, run by ${HAS_K6 ? 'k6' : 'the runtime in loadtest/k6-runtime'}`, () => {
  it('are all tried here', () => {
    const files = readdirSync(SCRIPTS).filter((file) => file.endsWith('.ts') && file !== 'sign.ts');
    expect(files.map((file) => file.replace('.ts', '')).sort()).toEqual(Object.keys(FORMS).sort());
  });

  it.each(Object.keys(FORMS))(
    '%s: nothing accepted is lost, altered or out of order',
    async (name) => {
      const { exitCode, output } = await run(name, FORMS[name] ?? {});
      expect(EXPECTED, output).toContain(exitCode);
      expect(verdicts(output, 'envelopes_received'), output).toEqual(["✓ 'count>0'"]);
      for (const promise of ['lost', 'unknown', 'out_of_order', 'altered'])
        expect(verdicts(output, `envelopes_${promise}`), output).toEqual(["✓ 'count==0'"]);
    },
    TIMEOUT_MS,
  );

  it(
    'smoke by protocol 2: the same, with receipts by the application',
    async () => {
      const { exitCode, output } = await run('smoke', { TIME: '0.2', PROTOCOL: '2' });
      expect(EXPECTED, output).toContain(exitCode);
      expect(verdicts(output, 'envelopes_received'), output).toEqual(["✓ 'count>0'"]);
      expect(verdicts(output, 'envelopes_lost'), output).toEqual(["✓ 'count==0'"]);
      expect(verdicts(output, 'checks'), output).toEqual(["✓ 'rate==1'"]);
    },
    TIMEOUT_MS,
  );
});
