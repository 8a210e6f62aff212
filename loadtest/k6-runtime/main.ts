/**
 * Runs a script of loadtest/k6: starts a cluster on this machine if no relay is named, signs the frames that the
 * script needs, and runs it, with k6 where there is one, else with the runtime of this folder.
 *
 *   npm run load -- smoke
 *   npm run load -- average -e RELAY_URL=wss://relay.example/ws -e PAIRS=100
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../src/cli/dev/root.ts';
import { Fleet } from '../../test/support/servers/fleet.ts';
import { writeFrames } from '../k6/sign.ts';
import { LIMITS_OFF } from '../support/limits-off.ts';
import { inspect, runScript } from './run.ts';

const SCRIPTS = join(ROOT, 'loadtest/k6');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** As of `k6 run`: NAME=VALUE for the script, see lib/env.ts. */
    env: { type: 'string', short: 'e', multiple: true, default: [] },
    /** Of the cluster that is started where no RELAY_URL is given. */
    nodes: { type: 'string', default: '2' },
    /** `k6` or `node`; without it k6 if it is on the PATH. */
    with: { type: 'string' },
  },
});

const [name] = positionals;
const names = readdirSync(SCRIPTS)
  .filter((file) => file.endsWith('.ts') && file !== 'sign.ts')
  .map((file) => file.replace(/\.ts$/, ''));
if (name === undefined || !names.includes(name)) {
  console.error(`which script? ${names.join(', ')}`);
  process.exit(2);
}
process.exitCode = await main(join(SCRIPTS, `${name}.ts`));

/** One Redis and some nodes on this machine. */
function startHere(): Promise<Fleet> {
  const store = { kind: 'redis', deployed: true } as const;
  return Fleet.start({ nodes: Number(values.nodes), store, settings: LIMITS_OFF });
}

async function main(script: string): Promise<number> {
  const given: Readonly<Record<string, string>> = Object.fromEntries(
    values.env.map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, equals), pair.slice(equals + 1)];
    }),
  );
  const local = given.RELAY_URL === undefined ? await startHere() : null;
  try {
    const env = {
      ...given,
      RELAY_URL: given.RELAY_URL ?? local?.urls.join(',') ?? '',
      FRAMES: join(ROOT, `.cache/k6/${name}-${process.pid}.json`),
    };
    const { needs } = (await inspect(script, env)) as { needs: { pairs: number; envelopes: number } };
    const [url = ''] = env.RELAY_URL.split(',');
    await writeFrames(env.FRAMES, { ...needs, url, payloadBytes: Number(given.PAYLOAD ?? 300) });
    const hasK6 = values.with !== 'node' && spawnSync('k6', ['version']).status === 0;
    if (values.with === 'k6' && !hasK6) throw new Error('k6 is not on the PATH');
    console.log(`${name} at ${env.RELAY_URL}, run by ${hasK6 ? 'k6' : 'the runtime in loadtest/k6-runtime'}`);
    if (!hasK6) return await runScript({ script, env });
    const args = Object.entries(env).flatMap(([key, value]) => ['-e', `${key}=${value}`]);
    return spawnSync('k6', ['run', ...args, script], { stdio: 'inherit' }).status ?? 1;
  } finally {
    await local?.remove();
  }
}
