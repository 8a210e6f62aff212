/** One client process of the scale test. */
import { obeyOrders } from '../support/workers.ts';
import { Crowd } from './crowd.ts';
import type { Order, Reply } from './orders.ts';

let crowd: Crowd | null = null;

obeyOrders(async (order: Order): Promise<Reply> => {
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
});
