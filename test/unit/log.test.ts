import { describe, expect, test } from 'vitest';
import { createLog, type Facts, type LogOutput } from '../../src/ops/log.ts';

function capture(level: 'info' | 'debug' | 'silent') {
  const lines: string[] = [];
  const output: LogOutput = { write: (line) => void lines.push(line) };
  const log = createLog({ logLevel: level, nodeId: 'n1' }, output);
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}');
  return { log, lines, last };
}

test('a line is JSON, with level, time, node, message and facts', () => {
  const { log, last } = capture('info');
  log.info('listening', { port: 8080 });
  expect(last()).toMatchObject({ severity: 'info', node: 'n1', msg: 'listening', port: 8080 });
  expect(last().time).toMatch(/^\d{4}-\d\d-\d\dT/);
});

describe('what must not be in a log', () => {
  test('facts that are not declared are not written, however they got in', () => {
    const { log, lines } = capture('debug');
    const spread: object = { frame: 'SECRET', signature: 'SECRET', payload: { a: 'SECRET' } };
    log.debug('x', { count: 1, ...spread });
    expect(lines.join('')).not.toContain('SECRET');
    expect(lines.join('')).toContain('"count":1');
  });

  test('codes and addresses are written at debug only', () => {
    const { log, lines } = capture('debug');
    const facts = { user: 'E011T7D', peer: 'ABCDEFG', address: '192.0.2.1' };
    log.info('x', facts as Facts);
    log.warn('x', facts as Facts);
    log.error('x', facts as Facts);
    expect(lines.join('')).not.toMatch(/E011T7D|ABCDEFG|192\.0\.2\.1/);
    log.debug('x', facts);
    expect(lines.at(-1)).toContain('E011T7D');
  });

  test('an error shows its kind, code, message and stack, not the command it carries', () => {
    const { log, lines, last } = capture('info');
    const command = { name: 'evalsha', args: ['SECRET'] };
    log.error('failed', { error: Object.assign(new TypeError('no luck'), { code: 'E1', command }) });
    expect(last().error).toMatchObject({ type: 'TypeError', code: 'E1', message: 'no luck' });
    expect(JSON.stringify(last().error)).toContain('at ');
    expect(lines.join('')).not.toContain('SECRET');
  });

  test('a fact that is no word or number shows only its type', () => {
    const { log, last } = capture('info');
    log.info('x', { reason: Buffer.from('SECRET') as unknown as string });
    expect(last().reason).toBe('(object)');
  });

  test('line breaks in a fact make no second line', () => {
    const { log, lines } = capture('info');
    log.info('x', { reason: 'a\r\n{"severity":"error"}' });
    expect(lines).toHaveLength(1);
    expect(lines[0]?.trimEnd()).not.toMatch(/[\r\n]/);
  });
});

test('the level can be changed while running', () => {
  const { log, lines } = capture('silent');
  log.error('x');
  log.level = 'debug';
  log.debug('y');
  expect(lines).toHaveLength(1);
  expect(log.level).toBe('debug');
});
