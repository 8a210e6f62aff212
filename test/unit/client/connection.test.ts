import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { endpointsOf } from '../../../src/client/account/endpoints.ts';
import { createIdentity } from '../../../src/client/account/identity.ts';
import { afterClose, fullJitterMs } from '../../../src/client/connection/backoff.ts';
import { ANSWER_WITHIN_MS, Heartbeat, SILENCE_MS } from '../../../src/client/connection/heartbeat.ts';
import { Link } from '../../../src/client/connection/link.ts';
import { Login } from '../../../src/client/connection/login.ts';
import { watchNetwork } from '../../../src/client/connection/network.ts';
import type { SocketConstructor } from '../../../src/client/connection/web-socket.ts';
import { ClientError } from '../../../src/client/errors.ts';

describe('waiting before the next try', () => {
  test('is anything up to a span that doubles, and at most half a minute', () => {
    expect([0, 1, 2, 3, 6, 50].map((attempt) => fullJitterMs(attempt, () => 0.999_999))).toEqual([
      499, 999, 1999, 3999, 29_999, 29_999,
    ]);
    expect(fullJitterMs(50, () => 0)).toBe(0);
  });

  test.each([
    [1001, '', { reconnect: 'with full jitter' }],
    [1006, '', { reconnect: 'with full jitter' }],
    [1012, 'retry in 1234 ms', { reconnect: 'after', waitMs: 1234 }],
    [1012, 'retry in 99999999999 ms', { reconnect: 'with full jitter' }],
    [1012, 'whenever', { reconnect: 'with full jitter' }],
    [1001, 'retry in 5 ms', { reconnect: 'with full jitter' }],
    [4408, '', { reconnect: 'with full jitter' }],
    [4429, '', { reconnect: 'with full jitter' }],
    [1009, '', { reconnect: 'never', name: 'tooBig' }],
    [4400, '', { reconnect: 'never', name: 'malformed' }],
    [4401, '', { reconnect: 'never', name: 'notAuthenticated' }],
    [4409, 'retry in 5 ms', { reconnect: 'never', name: 'replaced' }],
  ] as const)('after %i (%s): %o', (code, reason, expected) => {
    expect(afterClose(code, reason)).toEqual(expected);
  });
});

describe('where a relay is', () => {
  test.each([
    ['https://Relay.Example', 'https://relay.example', 'wss://relay.example/ws'],
    ['https://relay.example:443/', 'https://relay.example', 'wss://relay.example/ws'],
    ['wss://relay.example:8443/ws?x=1', 'https://relay.example:8443', 'wss://relay.example:8443/ws'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080', 'ws://127.0.0.1:8080/ws'],
    ['ws://[::1]:80/ws', 'http://[::1]', 'ws://[::1]/ws'],
    ['https://relay.example.', 'https://relay.example', 'wss://relay.example/ws'],
    ['https://relay.example.:8443', 'https://relay.example:8443', 'wss://relay.example:8443/ws'],
  ])('%s', (url, http, socket) => {
    expect(endpointsOf(url)).toEqual({ http, socket });
  });

  test.each(['relay.example', 'ftp://relay.example', '', 'https://'])('%s is nowhere', (url) => {
    expect(() => endpointsOf(url)).toThrow(ClientError);
  });
});

describe('logging in', () => {
  const nonce = 'ab'.repeat(32);
  const login = (protocol: 1 | 2 = 2) =>
    new Login({
      identity: createIdentity(),
      code: 'E011T7D',
      endpoints: endpointsOf('https://relay.example'),
      protocol,
    });
  const challenge = (payload: Record<string, unknown>) => ({ type: 'challenge', payload });
  const codeOf = (act: () => unknown) => {
    try {
      act();
    } catch (error) {
      return (error as ClientError).code;
    }
    return null;
  };

  test('signs nonce and the address that was dialled, once', () => {
    const attempt = login();
    expect(attempt.opened('relay.v2')).toEqual({ does: 'wait' });
    const step = attempt.heard(challenge({ nonce, audience: 'wss://relay.example/ws' }));
    expect(step.does === 'send' && JSON.parse(step.frame).data).toEqual({
      sender: 'E011T7D',
      message: { type: 'connect', payload: { nonce, audience: 'wss://relay.example/ws' } },
    });
    expect(attempt.heard(challenge({ nonce, audience: null }))).toEqual({ does: 'wait' });
  });

  test('signs the dialled address also for a relay that does not say its own', () => {
    const step = login().heard(challenge({ nonce, audience: null }));
    expect(step.does === 'send' && step.frame).toContain('"audience":"wss://relay.example/ws"');
  });

  test.each(['wss://relay.example', 'ws://relay.example/ws', 'wss://relay.example:443/ws', '', 7, undefined])(
    'signs nothing for the audience %s',
    (audience) => {
      expect(codeOf(() => login().heard(challenge({ nonce, audience })))).toBe('audience_mismatch');
    },
  );

  test.each(['', 'relay.v1', 'relay.v3'])('does not go on by the subprotocol "%s"', (subprotocol) => {
    expect(codeOf(() => login().opened(subprotocol))).toBe('downgraded');
  });

  test('does not believe a welcome before it has shown who it is', () => {
    expect(codeOf(() => login().heard({ type: 'connect_ack', payload: {} }))).toBe('refused');
  });

  test('by protocol 1 sends exactly sender and type, and ignores a challenge', () => {
    const attempt = login(1);
    const step = attempt.opened('');
    expect(step.does === 'send' && step.frame).toMatch(
      /^\{"data":\{"sender":"E011T7D","message":\{"type":"connect"\}\},"signature":"[0-9a-f]{128}"\}$/,
    );
    expect(attempt.heard(challenge({ nonce, audience: null }))).toEqual({ does: 'wait' });
    expect(attempt.heard({ type: 'connect_ack', payload: {} })).toMatchObject({
      does: 'welcome',
      welcome: { queued: null, maxFrameBytes: 65_536 },
    });
  });
});

test('a link says nothing of an earlier socket before it is logged in itself', () => {
  const sent: string[] = [];
  const sockets: FakeSocket[] = [];
  class FakeSocket {
    readonly protocol = 'relay.v2';
    onopen: (() => void) | null = null;
    onmessage: ((event: { data: string }) => void) | null = null;
    constructor() {
      sockets.push(this);
    }
    send(text: string): void {
      sent.push(text);
    }
    close(): void {}
  }
  const link = new Link({
    endpoints: endpointsOf('https://relay.example'),
    protocol: 2,
    identity: createIdentity(),
    code: 'E011T7D',
    WebSocket: FakeSocket as unknown as SocketConstructor,
    onWelcome: () => {},
    onEnvelope: () => {},
    onServer: () => {},
    onProbe: () => {},
    onFrame: () => {},
    onEnd: () => {},
  });
  const [socket] = sockets;
  const says = (type: string, payload: object) =>
    socket?.onmessage?.({ data: JSON.stringify({ data: { sender: 'server', message: { type, payload } } }) });
  link.send('{"ack":"1"}');
  socket?.onopen?.();
  link.send('{"ack":"2"}');
  says('challenge', { nonce: 'ab'.repeat(32), audience: null });
  link.send('{"ack":"3"}');
  expect(sent).toHaveLength(1);
  says('connect_ack', {});
  link.send('{"ack":"4"}');
  expect(sent.slice(1)).toEqual(['{"ack":"4"}']);
  link.close();
});

describe('a heartbeat', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('finds a half-open socket within 35 s, and leaves a living one alone', () => {
    const said: string[] = [];
    const heartbeat = new Heartbeat({ probe: () => said.push('probe'), dead: () => said.push('dead') });
    vi.advanceTimersByTime(SILENCE_MS - 1);
    heartbeat.heard();
    vi.advanceTimersByTime(SILENCE_MS - 1);
    expect(said).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(said).toEqual(['probe']);
    heartbeat.heard();
    vi.advanceTimersByTime(SILENCE_MS + ANSWER_WITHIN_MS - 1);
    expect(said).toEqual(['probe', 'probe']);
    vi.advanceTimersByTime(1);
    expect(said).toEqual(['probe', 'probe', 'dead']);
    expect(SILENCE_MS + ANSWER_WITHIN_MS).toBeLessThanOrEqual(35_000);
  });
});

test('a browser that says its network is gone or back is a reason to look, until the end', () => {
  // Node's global object is no target of events, as a browser's is.
  const target = new EventTarget();
  vi.stubGlobal('addEventListener', target.addEventListener.bind(target));
  vi.stubGlobal('removeEventListener', target.removeEventListener.bind(target));
  const heard: string[] = [];
  const stop = watchNetwork({ gone: () => heard.push('gone'), back: () => heard.push('back') });
  for (const name of ['offline', 'online', 'pageshow', 'focus']) target.dispatchEvent(new Event(name));
  expect(heard).toEqual(['gone', 'back', 'back']);
  stop();
  target.dispatchEvent(new Event('online'));
  expect(heard).toHaveLength(3);
  vi.unstubAllGlobals();
});
