import { once } from 'node:events';
import WebSocket from 'ws';

const TIMEOUT_MS = 30_000;

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
  const socket = new WebSocket(url, { perMessageDeflate: false });
  await once(socket, 'open', { signal: AbortSignal.timeout(TIMEOUT_MS) });
  try {
    await ask(socket, 1, 'HeapProfiler.collectGarbage', {});
    const answer = await ask(socket, 2, 'Runtime.evaluate', {
      expression: '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())',
      returnByValue: true,
    });
    return Number(answer.result?.result?.value);
  } finally {
    socket.terminate();
  }
}

function ask(socket: WebSocket, id: number, method: string, params: object): Promise<Answer> {
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
