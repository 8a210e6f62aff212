import { once } from 'node:events';
import WebSocket from 'ws';

const TIMEOUT_MS = 30_000;
let asked = 0;

interface Answer {
  readonly id: number;
  readonly result?: { readonly result?: { readonly value?: unknown } };
}

/**
 * What a Node.js process really holds, bytes: its heap and what hangs on it, straight after a full garbage
 * collection. Resident memory says nothing about leaks: V8 gives it back when it likes.
 * @param url of its inspector, as SIGUSR1 makes it print
 */
export async function heldBytes(url: string): Promise<number> {
  return inspect(url, async (socket) => {
    await ask(socket, 'HeapProfiler.collectGarbage', {});
    const held = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';
    return Number(await resultOf(socket, held));
  });
}

/** Runs JavaScript in a Node.js process, and resolves with its value. @param url as above */
export function evaluate(url: string, expression: string): Promise<unknown> {
  return inspect(url, (socket) => resultOf(socket, expression));
}

async function inspect<T>(url: string, use: (socket: WebSocket) => Promise<T>): Promise<T> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  try {
    return await use(socket);
  } finally {
    socket.terminate();
  }
}

async function resultOf(socket: WebSocket, expression: string): Promise<unknown> {
  const answer = await ask(socket, 'Runtime.evaluate', { expression, returnByValue: true });
  return answer.result?.result?.value;
}

function ask(socket: WebSocket, method: string, params: object): Promise<Answer> {
  asked += 1;
  const id = asked;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), TIMEOUT_MS);
    socket.on('message', (bytes) => {
      const answer = JSON.parse(String(bytes)) as Answer;
      if (answer.id !== id) return;
      clearTimeout(timer);
      resolve(answer);
    });
    socket.send(JSON.stringify({ id, method, params }));
  });
}
