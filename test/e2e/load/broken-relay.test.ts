import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { writeFrames } from '../../../loadtest/k6/sign.ts';
import { runScript } from '../../../loadtest/k6-runtime/run.ts';
import { ROOT } from '../../../src/cli/dev/root.ts';
import { folderForTests } from '../../support/folder.ts';

const folder = folderForTests();
let server: Server | null = null;
afterEach(() => server?.closeAllConnections());

/** What becomes of the n-th envelope. */
type Fate = (n: number, envelope: Envelope) => void;

interface Envelope {
  readonly frame: string;
  accept(): void;
  refuse(code: string): void;
  deliver(frame: string): void;
}

/** As much of a relay as the scripts speak to, with a flaw. */
async function startRelay(fate: Fate): Promise<string> {
  const sockets = new Map<string, WebSocket>();
  const word = (message: object) => JSON.stringify({ data: { sender: 'server', message } });
  let count = 0;
  server = createServer((request, response) => {
    const code = request.method === 'POST' ? randomUUID().slice(0, 7) : request.url?.slice('/users/'.length);
    response.end(JSON.stringify({ code }));
  });
  new WebSocketServer({ server }).on('connection', (socket) => {
    socket.on('message', (bytes) => {
      const frame = String(bytes);
      const { data } = JSON.parse(frame);
      if (data.message.type === 'connect') {
        sockets.set(data.sender, socket);
        socket.send(word({ type: 'connect_ack' }));
        return;
      }
      fate(count++, {
        frame,
        accept: () => socket.send(word({ type: 'accepted', payload: { id: data.id } })),
        refuse: (code) => socket.send(word({ type: 'error', payload: { id: data.id, code } })),
        deliver: (text) => sockets.get(data.recipient)?.send(text),
      });
    });
  });
  const listening = server;
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return `ws://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/ws`;
}

/** @returns the thresholds of the smoke script that were crossed */
async function crossed(fate: Fate): Promise<readonly string[]> {
  const url = await startRelay(fate);
  const env = {
    RELAY_URL: url,
    FRAMES: join(folder, 'frames.json'),
    TIME: '0.1',
    SETTLE_S: '0.5',
    P99_MS: '5000',
  };
  await writeFrames(env.FRAMES, { url, pairs: 5, envelopes: 20, payloadBytes: 10 });
  let output = '';
  const exitCode = await runScript({
    script: join(ROOT, 'loadtest/k6/smoke.ts'),
    env,
    stdout: (text) => {
      output += text;
    },
    stderr: () => undefined,
  });
  const found = [...output.matchAll(/^ {4}(\w+)\n {4}✗/gm)].map(([, metric = '']) => metric);
  expect(exitCode).toBe(found.length === 0 ? 0 : 99);
  return found;
}

it.each<[string, Fate, readonly string[]]>([
  [
    'is sound',
    (_, { frame, accept, deliver }) => {
      accept();
      deliver(frame);
    },
    [],
  ],
  [
    'accepts an envelope and loses it',
    (n, { frame, accept, deliver }) => {
      accept();
      if (n !== 7) deliver(frame);
    },
    ['envelopes_lost'],
  ],
  [
    'says nothing of an envelope',
    (n, { frame, accept, deliver }) => {
      if (n === 7) return;
      accept();
      deliver(frame);
    },
    ['envelopes_unknown'],
  ],
  [
    'refuses an envelope',
    (n, { frame, accept, refuse, deliver }) => {
      if (n === 7) return refuse('mailbox_full');
      accept();
      deliver(frame);
    },
    ['envelopes_refused'],
  ],
  [
    'changes a byte',
    (n, { frame, accept, deliver }) => {
      accept();
      deliver(n === 7 ? frame.replace('AA', 'AB') : frame);
    },
    ['envelopes_altered'],
  ],
  [
    'delivers the earlier ones late',
    (n, { frame, accept, deliver }) => {
      accept();
      if (n < 5) setTimeout(() => deliver(frame), 600);
      else deliver(frame);
    },
    ['envelopes_out_of_order'],
  ],
  ['delivers nothing', (_, { accept }) => accept(), ['envelopes_received', 'envelopes_lost']],
])('the smoke script against a relay that %s', async (_, fate, expected) => {
  expect(await crossed(fate)).toEqual(expected);
});
