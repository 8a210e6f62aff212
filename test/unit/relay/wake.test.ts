import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook as Verifier } from 'standardwebhooks';
import { afterEach, describe, expect, it, test } from 'vitest';
import type { Engine } from '../../../src/engine/engine.ts';
import { createMemoryEngine } from '../../../src/engine/memory/engine.ts';
import { createLog } from '../../../src/ops/log/log.ts';
import { createMetrics } from '../../../src/ops/metrics/metrics.ts';
import { loadConfig } from '../../../src/ops/settings/config.ts';
import type { Sent } from '../../../src/relay/wake/post.ts';
import { isPublic } from '../../../src/relay/wake/public-address.ts';
import { Waker } from '../../../src/relay/wake/waker.ts';
import { type Message, postSigned, Webhook } from '../../../src/relay/wake/webhook.ts';
import { LIMITS } from '../../engine/backends.ts';
import { envelope, register, Sender } from '../../engine/fixture.ts';
import { until } from '../../support/until.ts';

const SECRET = Buffer.alloc(32, 7);
const MESSAGE: Message = { id: 'wake_1', body: '{"ü":1}' };
const NEVER = new AbortController().signal;

test('public addresses are those that can be reached from everywhere', () => {
  const open = ['8.8.8.8', '100.128.0.1', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'];
  const closed = [
    ...[
      '127.0.0.1',
      '127.255.255.254',
      '0.0.0.0',
      '10.1.2.3',
      '172.16.0.1',
      '192.168.1.1',
      '169.254.169.254',
    ],
    ...['100.64.0.1', '192.0.2.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
    ...['::', '::1', 'fe80::1', 'fd00::1', 'fec0::1', 'ff02::1', '2001:db8::1', '100::1'],
    // IPv4 in IPv6: mapped, NAT64, 6to4.
    ...['::ffff:10.0.0.1', '::ffff:7f00:1', '64:ff9b::a00:1', '2002:a00:1::', 'localhost', ''],
  ];
  expect(open.filter((address) => !isPublic(address))).toEqual([]);
  expect(closed.filter(isPublic)).toEqual([]);
});

describe('a message', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  const serve = async (listener: RequestListener): Promise<number> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  const post = (port: number, { host = '127.0.0.1', allowPrivate = true, signal = NEVER } = {}) =>
    postSigned({ url: `http://${host}:${port}/`, secret: SECRET, allowPrivate }, MESSAGE, signal);

  it('is signed as Standard Webhooks says', async () => {
    let verified: unknown;
    const port = await serve((request, response) => {
      request.once('data', (body: Buffer) => {
        const verifier = new Verifier(`whsec_${SECRET.toString('base64')}`);
        verified = verifier.verify(body, request.headers as Record<string, string>);
        response.writeHead(200).end();
      });
    });
    expect(await post(port)).toMatchObject({ outcome: 'sent' });
    expect(verified).toEqual({ ü: 1 });
  });

  it('does not go to a private address, however it is written, unless that is allowed', async () => {
    let visits = 0;
    const port = await serve((_, response) => {
      visits += 1;
      response.end();
    });
    const hosts = ['127.0.0.1', '2130706433', '0x7f.1', '0', '[::1]', '[::ffff:127.0.0.1]', 'localhost'];
    for (const host of hosts) {
      const sent = await post(port, { host, allowPrivate: false });
      expect(sent.outcome, host).toBe('failed');
      expect(sent.reason, host).toContain('RELAY_WAKE_PRIVATE');
    }
    expect(visits).toBe(0);
    expect(await post(port, { host: 'localhost' })).toMatchObject({ outcome: 'sent' });
  });

  it.each([
    [204, '', 'sent', 0],
    [302, '', 'failed', 0],
    [400, '', 'refused', 0],
    [410, '', 'gone', 0],
    [404, '', 'gone', 0],
    [429, '7', 'failed', 7_000],
    [503, '99999', 'failed', 3_600_000],
    [500, 'soon', 'failed', 0],
  ])('that is answered %d (Retry-After: %s) was %s', async (status, after, outcome, retryAfterMs) => {
    const port = await serve((_, response) => {
      response.writeHead(status, after === '' ? {} : { 'Retry-After': after }).end();
    });
    const sent = await post(port);
    expect(sent).toMatchObject({ outcome, retryAfterMs });
    expect(sent.reason).toBe(outcome === 'sent' ? '' : `the receiver answered ${status}`);
  });

  it('is over with the status line: an endless answer is not read', async () => {
    let closed = false;
    const port = await serve((_, response) => {
      response.writeHead(200);
      const more = setInterval(() => response.write('x'.repeat(65_536)), 1);
      response.once('close', () => {
        clearInterval(more);
        closed = true;
      });
    });
    expect(await post(port)).toMatchObject({ outcome: 'sent' });
    await until(() => closed, { what: 'the connection to be closed' });
  });

  it('says why it failed if no server listens, or if it is given up', async () => {
    const port = await serve(() => undefined);
    const stop = new AbortController();
    const sending = post(port, { signal: stop.signal });
    stop.abort();
    expect(await sending).toMatchObject({ outcome: 'failed' });
    for (const server of servers.splice(0)) server.close();
    const sent = await post(port);
    expect(sent.reason).toMatch(/ECONNREFUSED/);
  });
});

describe('users who are away', () => {
  let engine: Engine;
  let waker: Waker | null = null;
  afterEach(async () => {
    await waker?.stop();
    await engine.close();
  });
  const ok: Sent = { outcome: 'sent', reason: '', retryAfterMs: 0 };
  const TIMINGS = { pauseMinMs: 10, pauseMaxMs: 50, refusedMs: 60_000 };

  /** Starts with so many users, and what the receiver answers to their codes. */
  const start = async (count: number, answer: (codes: readonly string[]) => Sent) => {
    engine = createMemoryEngine({ limits: LIMITS, announces: true, announceAfterMs: 0 });
    await engine.start();
    const codes: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const { code } = await register(engine);
      await new Sender(engine, 'A11CE00').send(code, envelope('a'));
      codes.push(code);
    }
    const messages: { readonly codes: readonly string[]; readonly sent: Sent; readonly atMs: number }[] = [];
    const send = async ({ body }: Message) => {
      const { data } = JSON.parse(body) as { data: { users: { code: string }[] } };
      const those = data.users.map(({ code }) => code);
      const sent = answer(those);
      messages.push({ codes: those, sent, atMs: performance.now() });
      return sent;
    };
    const log = createLog(loadConfig({}), { write: () => undefined });
    const metrics = createMetrics();
    waker = new Waker({
      announcements: engine.announcements,
      way: new Webhook({ send, log, metrics, timings: TIMINGS }),
      takeEveryMs: 5,
    });
    waker.start();
    const sent = () =>
      messages.filter(({ sent: { outcome } }) => outcome === 'sent').flatMap((each) => each.codes);
    return { codes, messages, sent, metrics };
  };

  it('come in messages of at most a hundred', async () => {
    const { messages, sent } = await start(250, () => ok);
    await until(() => sent().length === 250, { what: 'all' });
    expect(messages.map(({ codes }) => codes.length)).toEqual([100, 100, 50]);
  });

  it('do not hold up the others if the receiver refuses one of them', async () => {
    let refused = '';
    const { codes, sent, messages } = await start(20, (those) => {
      refused ||= those[7] ?? '';
      return those.includes(refused) ? { outcome: 'refused', reason: '400', retryAfterMs: 0 } : ok;
    });
    await until(() => sent().length === 19, { what: 'the others' });
    expect(new Set(sent())).toEqual(new Set(codes.filter((code) => code !== refused)));
    const alone = () =>
      messages.some(({ codes: [first, ...more] }) => first === refused && more.length === 0);
    await until(alone, { what: 'the one alone' });
  });

  it('are sent again with growing pauses while the receiver fails, and then all of them', async () => {
    let failures = 0;
    const { sent, messages, metrics } = await start(5, () => {
      if (failures === 6) return ok;
      failures += 1;
      return { outcome: 'failed', reason: 'down', retryAfterMs: 0 };
    });
    await until(() => sent().length === 5, { what: 'all' });
    expect(new Set(sent()).size).toBe(5);
    expect(messages.slice(1, 7).map(({ codes }) => codes.length)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(metrics.wakePaused.value).toBe(0);
    expect(metrics.wakes.of('failed').value).toBe(10);
  });
});
