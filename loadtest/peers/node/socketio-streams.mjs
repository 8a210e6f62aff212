// Socket.IO 4 with the adapter that its documentation offers to those who must not lose packets: one Redis stream of at
// most 10,000 entries for all (its default), and connection state recovery with the values of its documentation, so that
// who is away for less than two minutes is sent what was missed.
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';
import { serveSocketIo } from './serve-socketio.mjs';

const redis = createClient({ url: process.env.REDIS_URL });
redis.on('error', (error) => console.error(error));
await redis.connect();

serveSocketIo({
  adapter: createAdapter(redis),
  connectionStateRecovery: { maxDisconnectionDuration: 2 * 60 * 1000, skipMiddlewares: true },
});
