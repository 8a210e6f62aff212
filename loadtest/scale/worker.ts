/** One client process of the scale test. */
import type WebSocket from 'ws';
import { ackFor, User } from '../user.ts';
import type { Order, Reply } from './orders.ts';

const REGISTER_AT_ONCE = 16;
const RETRIES_MAX = 5;
const SETTLE_MS = 5_000;

interface Client {
  readonly user: User;
  readonly url: string;
  socket: WebSocket | null;
  id: number;
}

let clients: Client[] = [];
let dial: Pick<Extract<Order, { do: 'register' }>, 'localAddress' | 'protocol'> | null = null;
let received = 0;
let closed = 0;
/** Whether sockets are being cut by us. */
let cutting = false;

process.on('message', (order: Order) => {
  obey(order).then(tell, (error: unknown) => tell({ done: 'failed', why: String(error) }));
});

function tell(reply: Reply): void {
  process.send?.(reply);
}

async function obey(order: Order): Promise<Reply> {
  switch (order.do) {
    case 'register':
      await register(order);
      return { done: 'register' };
    case 'connect':
      return { done: 'connect', ...(await connect(order.atOnce)) };
    case 'cut':
      await cut();
      return { done: 'cut' };
    case 'talk':
      return { done: 'talk', ...(await talk(order)) };
  }
}

/** Runs `task` for every item, so many at once. */
async function each<T>(items: readonly T[], atOnce: number, task: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const work = async () => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await task(item);
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}

async function register(order: Extract<Order, { do: 'register' }>): Promise<void> {
  dial = order;
  const numbers = Array.from({ length: order.users }, (_, index) => index);
  clients = [];
  await each(numbers, REGISTER_AT_ONCE, async (index) => {
    const url = order.urls[index % order.urls.length] ?? '';
    clients.push({ user: await User.register(url), url, socket: null, id: 0 });
  });
}

async function connect(atOnce: number): Promise<{ open: number; failed: readonly string[] }> {
  const failed: string[] = [];
  await each(clients, atOnce, async (client) => {
    for (let tries = 1; client.socket === null; tries += 1) {
      try {
        await login(client);
      } catch (error) {
        failed.push(String(error));
        if (tries === RETRIES_MAX) return;
        await new Promise((resolve) => setTimeout(resolve, 100 * tries * Math.random()));
      }
    }
  });
  return { open: clients.filter(({ socket }) => socket !== null).length, failed };
}

async function login(client: Client): Promise<void> {
  if (dial === null) throw new Error('connect before register');
  const { url } = client;
  const confirms = dial.protocol === 2;
  const socket = await client.user.login({ url, ...pick(dial) }, (data, on) => {
    if (data.includes('"sender":"server"')) return;
    received += 1;
    if (confirms) on.send(ackFor(data));
  });
  client.socket = socket;
  socket.once('close', () => {
    client.socket = null;
    if (!cutting) closed += 1;
  });
}

function pick({ localAddress, protocol }: NonNullable<typeof dial>) {
  return { localAddress, protocol } as const;
}

async function cut(): Promise<void> {
  cutting = true;
  for (const { socket } of clients) socket?.terminate();
  while (clients.some(({ socket }) => socket !== null))
    await new Promise((resolve) => setTimeout(resolve, 5));
  cutting = false;
}

async function talk(
  order: Extract<Order, { do: 'talk' }>,
): Promise<{ sent: number; received: number; closed: number }> {
  received = 0;
  let sent = 0;
  const startMs = performance.now();
  const endMs = startMs + order.seconds * 1000;
  while (performance.now() < endMs) {
    const due = ((performance.now() - startMs) / 1000) * order.perSecond;
    for (; sent < due; sent += 1) {
      const from = clients[sent % clients.length];
      const to = clients[(sent + 1) % clients.length];
      if (from === undefined || to === undefined) continue;
      const message = { type: 'message', payload: 'A'.repeat(300) };
      from.socket?.send(from.user.envelope({ recipient: to.user.code, id: `${from.id++}`, message }));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const settleMs = performance.now() + SETTLE_MS;
  while (received < sent && performance.now() < settleMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  return { sent, received, closed };
}
