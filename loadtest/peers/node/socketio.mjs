// Socket.IO 4 as its documentation sets up several nodes: the sharded Redis adapter over two node-redis clients.
import { createShardedAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { serveSocketIo } from './serve-socketio.mjs';

const publisher = createClient({ url: process.env.REDIS_URL });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) {
  client.on('error', (error) => console.error(error));
  await client.connect();
}

serveSocketIo({ adapter: createShardedAdapter(publisher, subscriber) });
