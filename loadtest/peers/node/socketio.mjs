// Socket.IO 4 as its documentation sets up several nodes: the sharded Redis adapter over two node-redis clients,
// WebSocket only (no sticky sessions needed then), no compression (its default). Everybody joins a room of their own.
// VERIFY=1 checks each envelope's Ed25519 signature with the library that the relay uses.
import { createServer } from 'node:http';
import { createShardedAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { verifies } from './verifies.mjs';

const publisher = createClient({ url: process.env.REDIS_URL });
const subscriber = publisher.duplicate();
for (const client of [publisher, subscriber]) {
  client.on('error', (error) => console.error(error));
  await client.connect();
}

const http = createServer();
const io = new Server(http, {
  adapter: createShardedAdapter(publisher, subscriber),
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
