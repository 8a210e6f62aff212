import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createLog, type LogOutput } from '../../../src/ops/log/log.ts';
import { LOG_EVENTS } from '../../../src/ops/log/log-events.ts';

function capture(level: 'info' | 'debug' | 'silent') {
  const lines: string[] = [];
  const output: LogOutput = { write: (line) => void lines.push(line) };
  const log = createLog({ logLevel: level, nodeId: 'n1' }, output);
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}');
  return { log, lines, last };
}

test('a line is JSON, with level, time, node, message and fields', () => {
  const { log, last } = capture('info');
  log.info('listening', { port: 8080 });
  expect(last()).toMatchObject({ severity: 'info', node: 'n1', msg: 'listening', port: 8080 });
  expect(last().time).toMatch(/^\d{4}-\d\d-\d\dT/);
});

describe('what must not be in a log', () => {
  test('undeclared fields are not written, however they got in', () => {
    const { log, lines } = capture('debug');
    const spread: object = { frame: 'SECRET', signature: 'SECRET', payload: { a: 'SECRET' } };
    log.debug('session of', { session: 1, ...spread });
    expect(lines.join('')).not.toContain('SECRET');
    expect(lines.join('')).toContain('"session":1');
  });

  test('codes and addresses are written at debug only', () => {
    const { log, lines } = capture('debug');
    const fields = { user: 'E011T7D', peer: 'ABCDEFG', address: '192.0.2.1' };
    log.info('session of', fields as object);
    log.warn('session of', fields as object);
    log.error('session of', fields as object);
    expect(lines.join('')).not.toMatch(/E011T7D|ABCDEFG|192\.0\.2\.1/);
    log.debug('session of', fields as object);
    expect(lines.at(-1)).toContain('E011T7D');
  });

  test('an error has type, code, message and stack, but not the command that it contains', () => {
    const { log, lines, last } = capture('info');
    const command = { name: 'evalsha', args: ['SECRET'] };
    log.error('a request failed', {
      error: Object.assign(new TypeError('no luck'), { code: 'E1', command }),
    });
    expect(last().error).toMatchObject({ type: 'TypeError', code: 'E1', message: 'no luck' });
    expect(JSON.stringify(last().error)).toContain('at ');
    expect(lines.join('')).not.toContain('SECRET');
  });

  test('a field that is neither text nor number shows only its type', () => {
    const { log, last } = capture('info');
    log.info('session ended', { reason: Buffer.from('SECRET') as unknown as string });
    expect(last().reason).toBe('(object)');
  });

  test('line breaks in a field make no second line', () => {
    const { log, lines } = capture('info');
    log.info('session ended', { reason: 'a\r\n{"severity":"error"}' });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toMatch(/[\r\n]/);
  });
});

test('the level can change at run time', () => {
  const { log, lines } = capture('silent');
  log.error('a request failed');
  log.level = 'debug';
  log.debug('a login failed');
  expect(lines).toHaveLength(1);
  expect(log.level).toBe('debug');
});

describe('the list of events', () => {
  const source = fileURLToPath(new URL('../../../src/', import.meta.url));
  const code = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('log-events.ts'))
    .map((path) => readFileSync(`${source}/${path}`, 'utf8'))
    .join('\n');
  /** `log.info('…'`, and `observer.log('info', '…'` in the engine, which knows no loggers. */
  const CALL = /\blog(?:\.(error|warn|info|debug|trace)\(|\('(error|warn|info|debug)',)\s*'([^']+)'/g;
  const calls = [...code.matchAll(CALL)].map(([, own, engine, event]) => ({ level: own ?? engine, event }));

  test.each(Object.entries(LOG_EVENTS))('%s: is logged somewhere, and at its level', (event, { level }) => {
    const levels = new Set(calls.filter((call) => call.event === event).map((call) => call.level));
    // Those that are told with others, from a list, stand in the code all the same.
    if (levels.size === 0) expect(code.includes(`event: '${event}',`), 'no code logs it').toBe(true);
    else expect([...levels]).toEqual([level]);
  });
});
