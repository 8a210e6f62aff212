import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { Child } from '../../../src/cli/dev/child.ts';
import { isRunning } from '../../support/proc.ts';
import { until } from '../../support/until.ts';

const running: Child[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop(0)));
});

async function start(script: string): Promise<Child> {
  const child = await Child.start({ command: process.execPath, args: ['-e', script], env: process.env });
  running.push(child);
  return child;
}

describe('a child process', () => {
  test('is waited for by what it says, on either stream, and tells how it ended', async () => {
    const child = await start('console.log("port 12"); console.error("ready 34"); process.exitCode = 3');
    expect((await child.waitFor(/port (\d+)/, 5000))[1]).toBe('12');
    expect((await child.waitFor(/ready (\d+)/, 5000))[1]).toBe('34');
    expect(await child.exited()).toBe('exit code 3');
    expect(child.ended).toBe('exit code 3');
  });

  test('that ends without having said it is an error with its output', async () => {
    const child = await start('console.error("no such luck")');
    await expect(child.waitFor(/ready/, 5000)).rejects.toThrow(
      /ended \(exit code 0\); last output:\nno such luck/,
    );
  });

  test('that says nothing in time is an error', async () => {
    const child = await start('setInterval(() => {}, 1000)');
    await expect(child.waitFor(/ready/, 50)).rejects.toThrow(/did not say \/ready\/ within 50 ms/);
  });

  test('that does not exist is an error', async () => {
    const options = { command: '/nonexistent/command', args: [], env: process.env };
    const started = Child.start(options).then((child) => child.exited());
    await expect(started.then((ended) => expect(ended).toBe('exit code 0'))).rejects.toThrow();
  });

  test('is stopped though it is paused, and though it ignores SIGTERM', async () => {
    const paused = await start('console.log("up"); setInterval(() => {}, 1000)');
    await paused.waitFor(/up/, 5000);
    paused.signal('SIGSTOP');
    expect(await paused.stop()).toBe('SIGTERM');
    const deaf = await start(
      'process.on("SIGTERM", () => {}); console.log("up"); setInterval(() => {}, 1000)',
    );
    await deaf.waitFor(/up/, 5000);
    expect(await deaf.stop(50)).toBe('SIGKILL');
  });

  test('does not outlive its parent, however suddenly that one dies', async () => {
    const module = fileURLToPath(new URL('../../../dist/cli/dev/child.js', import.meta.url));
    const parent = await start(`
      const { Child } = await import(${JSON.stringify(module)});
      const options = { command: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'], env: process.env };
      console.log('child ' + (await Child.start(options)).pid);
      setInterval(() => {}, 1000);
    `);
    const [, pid] = await parent.waitFor(/child (\d+)/, 5000);
    expect(isRunning(Number(pid))).toBe(true);
    parent.signal('SIGKILL');
    await until(() => !isRunning(Number(pid)), { what: 'the end of the child' });
  });
});
