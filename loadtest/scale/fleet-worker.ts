/** One client process of the scale test. */
import { Crowd } from './crowd.ts';
import type { Order, Reply } from './orders.ts';

let crowd: Crowd | null = null;

process.on('message', (order: Order) => {
  obey(order).then(tell, (error: unknown) => tell({ done: 'failed', why: String(error) }));
});

function tell(reply: Reply): void {
  process.send?.(reply);
}

async function obey(order: Order): Promise<Reply> {
  if (order.do === 'register') {
    crowd = await Crowd.register(order);
    return { done: 'register' };
  }
  if (crowd === null) throw new Error(`${order.do} before register`);
  switch (order.do) {
    case 'connect':
      return { done: 'connect', ...(await crowd.connect(order)) };
    case 'cut':
      await crowd.cut();
      return { done: 'cut' };
    case 'count':
      return { done: 'count', open: crowd.open, closed: crowd.closed, pings: crowd.pings };
    case 'talk':
      return { done: 'talk', ...(await crowd.talk(order)) };
    case 'fill':
      return { done: 'fill', stored: await crowd.fill(order) };
    case 'drain':
      return { done: 'drain', received: await crowd.drain(order) };
  }
}
