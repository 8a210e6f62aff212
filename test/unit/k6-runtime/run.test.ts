import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspect, runScript } from '../../../loadtest/k6-runtime/run.ts';
import { folderForTests } from '../../support/folder.ts';

const folder = folderForTests();

let scripts = 0;
async function run(source: string, env: Readonly<Record<string, string>> = {}) {
  const script = join(folder, `${++scripts}.ts`);
  writeFileSync(script, source);
  let [stdout, stderr] = ['', ''];
  const exitCode = await runScript({
    script,
    env,
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
  });
  return { exitCode, stdout, stderr };
}

const TIMERS = `import { setTimeout } from 'k6/timers';
import { Counter, Trend } from 'k6/metrics';
import exec from 'k6/execution';
`;

describe('a script', () => {
  it('runs init, setup, iterations, teardown and handleSummary, in this order', async () => {
    const { exitCode, stdout, stderr } = await run(
      `
      import { Counter } from 'k6/metrics';
      const seen = new Counter('seen');
      export const options = { vus: 2, iterations: 4, thresholds: { seen: ['count==40'] } };
      export function setup() { return { step: 10 }; }
      export default function (data) { seen.add(data.step); data.step = 1; }
      export function teardown(data) { console.assert(data.step === 10); seen.add(data.step - 10); }
      export function handleSummary({ metrics, state, root_group }) {
        const { values, thresholds, type } = metrics.seen;
        const rest = [type, values.count, thresholds['count==40'].ok, metrics.iterations.values.count];
        return { stdout: JSON.stringify(rest), stderr: String(state.testRunDurationMs > 0), [__ENV.FILE]: root_group.name };
      }`,
      { FILE: join(folder, 'summary.txt') },
    );
    expect(stdout).toBe(JSON.stringify(['counter', 40, true, 4]));
    expect(stderr).toMatch(/true$/);
    expect(readFileSync(join(folder, 'summary.txt'), 'utf8')).toBe('');
    expect(exitCode).toBe(0);
  });

  it('has variables of its own in each VU, which last from one iteration to the next', async () => {
    const { stdout } = await run(`${TIMERS}
      let mine = 0;
      const highest = new Trend('highest');
      export const options = { scenarios: { one: { executor: 'shared-iterations', vus: 3, iterations: 9 } } };
      export default function () {
        mine += 1;
        highest.add(mine);
        setTimeout(() => undefined, 20);
        if (mine !== exec.vu.iterationInScenario + 1) throw new Error('not mine');
      }
      export function handleSummary({ metrics }) { return { stdout: String(metrics.highest.values.max) }; }`);
    expect(stdout).toBe('3');
  });

  it('has VUs numbered from 1, and iterations from 0 over all of them', async () => {
    const { stdout } = await run(`${TIMERS}
      const vus = new Trend('vus_seen');
      const iterations = new Trend('iterations_seen');
      export const options = { vus: 5, iterations: 5 };
      export default function () {
        vus.add(exec.vu.idInTest);
        iterations.add(exec.scenario.iterationInTest);
        setTimeout(() => undefined, 20);
      }
      export function handleSummary({ metrics: { vus_seen, iterations_seen } }) {
        const ends = ({ values }) => [values.min, values.max];
        return { stdout: JSON.stringify([ends(vus_seen), ends(iterations_seen)]) };
      }`);
    expect(JSON.parse(stdout)).toEqual([
      [1, 5],
      [0, 4],
    ]);
  });

  it('stays in an iteration until its timers and promises are over', async () => {
    const { stdout } = await run(`${TIMERS}
      const ends = new Counter('ends');
      export default async function () {
        await new Promise((resolve) => setTimeout(resolve, 20));
        setTimeout(() => setTimeout(() => ends.add(1), 20), 20);
      }
      export function handleSummary({ metrics }) {
        return { stdout: [metrics.ends.values.count, metrics.iteration_duration.values.max >= 55].join() };
      }`);
    expect(stdout).toBe('1,true');
  });

  it('gets one copy of each element of a SharedArray, made once for all VUs', async () => {
    const { stdout, stderr } = await run(`
      import { SharedArray } from 'k6/data';
      import { Counter } from 'k6/metrics';
      const made = new Counter('made');
      const data = new SharedArray('data', () => { made.add(1); return [{ n: 1 }, { n: 2 }, { n: 3 }]; });
      export const options = { vus: 4, iterations: 4 };
      export default function () {
        data[0].n = 9;
        let refused = false;
        try { data[1] = { n: 7 }; } catch { refused = true; }
        const sum = data.map(({ n }) => n).reduce((a, b) => a + b, 0) + data.length;
        if (sum !== 9 || !refused || data[3] !== undefined || [...data].length !== 3) throw new Error('sum ' + sum);
      }
      export function handleSummary({ metrics }) { return { stdout: String(metrics.made.values.count) }; }`);
    expect(stderr).not.toContain('Error');
    expect(stdout).toBe('1');
  });

  it('prints the summary of k6, and ends with 99 if a threshold was crossed', async () => {
    const { exitCode, stdout, stderr } = await run(`
      import { check } from 'k6';
      import { Trend } from 'k6/metrics';
      const latency = new Trend('latency', true);
      export const options = {
        iterations: 10,
        thresholds: { latency: ['p(95)<5', 'avg<100'], 'latency{kind:odd}': ['max<100'], checks: ['rate>0.5'] },
        summaryTrendStats: ['avg', 'p(95)', 'count'],
      };
      let n = 0;
      export default function () {
        n += 1;
        latency.add(n, { kind: n % 2 === 0 ? 'even' : 'odd' });
        check(n, { 'is small': (value) => value < 8, 'is a number': (value) => value > 0 });
      }`);
    expect(exitCode).toBe(99);
    expect(stderr).toContain('threshold latency p(95)<5 was crossed');
    const text = stdout.replaceAll(/ +$/gm, '');
    expect(text).toContain("    latency\n    ✗ 'p(95)<5' p(95)=9.55ms\n    ✓ 'avg<100' avg=5.5ms\n");
    expect(text).toContain('    checks_total.......................: 20 ');
    expect(text).toContain('    checks_succeeded...................: 85.00% 17 out of 20\n');
    expect(text).toContain('    ✗ is small\n      ↳  70% — ✓ 7 / ✗ 3\n    ✓ is a number\n');
    expect(text).toContain(
      '    CUSTOM\n    latency............................: avg=5.5ms p(95)=9.55ms count=10\n',
    );
    expect(text).toContain('      { kind:odd }.....................: avg=5ms   p(95)=8.6ms  count=5\n');
    expect(text).toMatch(/ {4}EXECUTION\n {4}iteration_duration\.{17}: avg=/);
    expect(text).toMatch(/ {4}iterations\.{25}: 10 +[\d.]+\/s\n/);
  });

  it('is aborted by a threshold that may', async () => {
    const { exitCode, stderr } = await run(`${TIMERS}
      const bad = new Counter('bad');
      export const options = {
        scenarios: { one: { executor: 'constant-vus', vus: 1, duration: '1h' } },
        thresholds: { bad: [{ threshold: 'count<1', abortOnFail: true }] },
      };
      export default function () { bad.add(1); setTimeout(() => undefined, 600_000); }`);
    expect(exitCode).toBe(99);
    expect(stderr).toContain('0 complete and 1 interrupted iterations');
  });

  it('may abort the run itself: 108', async () => {
    const { exitCode, stderr } = await run(`${TIMERS}
      export const options = { vus: 2, duration: '1h' };
      export default function () { exec.test.abort('enough'); setTimeout(() => undefined, 600_000); }`);
    expect(exitCode).toBe(108);
    expect(stderr).toContain('enough');
  });

  it('whose setup throws ends with 107, and runs no iteration', async () => {
    const { exitCode, stderr } = await run(`
      export function setup() { throw new Error('no relay there'); }
      export default function () { throw new Error('not reached'); }`);
    expect(exitCode).toBe(107);
    expect(stderr).toContain('no relay there');
    expect(stderr).not.toContain('not reached');
  });

  it('that throws in one iteration goes on with the next', async () => {
    const { stderr, exitCode } = await run(`${TIMERS}
      const fine = new Counter('fine');
      export const options = { iterations: 3, thresholds: { fine: ['count==2'] } };
      export default function () {
        if (exec.scenario.iterationInTest === 1) setTimeout(() => { throw new Error('once'); }, 1);
        else fine.add(1);
      }`);
    expect(stderr).toContain('Error: once');
    expect(exitCode).toBe(0);
  });

  it('that calls what would block all VUs gets an error that names what to use instead', async () => {
    const { stderr } = await run(`import { sleep } from 'k6'; export default function () { sleep(1); }`);
    expect(stderr).toContain('sleep blocks: use setTimeout of k6/timers');
    await expect(run(`import ws from 'k6/ws'; export default function () { ws.connect(); }`)).rejects.toThrow(
      'k6/ws',
    );
  });

  it('can be asked what it needs, without the files that it reads', async () => {
    const script = join(folder, 'needs.ts');
    writeFileSync(
      script,
      `
      import { SharedArray } from 'k6/data';
      const data = new SharedArray('data', () => JSON.parse(open('/nowhere')));
      export const needs = { pairs: Number(__ENV.PAIRS) };
      export default function () { return data; }`,
    );
    expect(await inspect(script, { PAIRS: '7' })).toMatchObject({ needs: { pairs: 7 } });
  });
});
