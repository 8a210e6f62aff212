import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { verifies } from './verifies.mjs';

/**
 * Runs a Socket.IO server with these further options: WebSocket only (no sticky sessions needed then), no compression (its
 * default). Everybody joins a room of their own. VERIFY=1 checks each envelope's Ed25519 signature with the library that
 * the relay uses.
 */
export function serveSocketIo(options) {
  const http = createServer();
  const io = new Server(http, { ...options, transports: ['websocket'], serveClient: false });
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
}
