// Socket.IO 4 with the adapter that its documentation offers to those who must not lose packets: one Redis stream of at
// most 10,000 entries for all (its default), and connection state recovery with the values of its documentation, so that
// who is away for less than two minutes is sent what was missed. VERIFY=1 checks each envelope's Ed25519 signature.
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { verifies } from './verifies.mjs';

const redis = createClient({ url: process.env.REDIS_URL });
redis.on('error', (error) => console.error(error));
await redis.connect();

const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(redis),
  connectionStateRecovery: { maxDisconnectionDuration: 2 * 60 * 1000, skipMiddlewares: true },
  transports: ['websocket'],
  serveClient: false,
});

io.on('connection', (socket) => {
  const { code, key } = socket.handshake.auth;
  socket.join(code);
  socket.on('envelope', (recipient, envelope) => {
    if (process.env.VERIFY && !verifies(key, JSON.stringify(envelope.data), envelope.signature)) return;
    io.to(recipient).emit('envelope', envelope);
  });
});

http.listen(0, '127.0.0.1', () => console.log(`listening ${http.address().port}`));
process.on('SIGTERM', () => process.exit(0));
