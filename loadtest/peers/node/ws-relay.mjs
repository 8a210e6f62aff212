// What one writes in an afternoon: ws and ioredis, one channel per user, nothing kept. VERIFY=1 checks signatures;
// STORE=1 also appends each envelope to a stream of the recipient, with the publish in one round trip, and deletes it
// when it has been handed to the socket (not when the client has confirmed it; nothing is read again).
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';
import { verifies } from './verifies.mjs';

const options = { enableAutoPipelining: true };
const redis = new Redis(process.env.REDIS_URL, options);
const subscriber = new Redis(process.env.REDIS_URL);
const { VERIFY, STORE } = process.env;
/** Code → socket, of those connected here. */
const sockets = new Map();

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });

server.on('connection', async (socket, request) => {
  const query = new URL(request.url, 'ws://relay').searchParams;
  const [code, key] = [query.get('code'), query.get('key')];
  sockets.set(code, socket);
  socket.on('message', (bytes) => {
    const frame = bytes.toString();
    const { data, signature } = JSON.parse(frame);
    if (VERIFY && !verifies(key, JSON.stringify(data), signature)) return;
    send(data.recipient, frame);
  });
  socket.on('close', () => {
    sockets.delete(code);
    subscriber.sunsubscribe(channel(code));
  });
  await subscriber.ssubscribe(channel(code));
  socket.send('{"ready":true}');
});

function send(recipient, frame) {
  if (STORE) redis.xadd(stream(recipient), '*', 'frame', frame);
  redis.spublish(channel(recipient), frame);
}

subscriber.on('smessage', (name, frame) => {
  const code = name.slice('user:{'.length, -1);
  const socket = sockets.get(code);
  if (socket === undefined) return;
  socket.send(frame);
  // What is in the mailbox is older than what was just sent, or is it.
  if (STORE) redis.xtrim(stream(code), 'MAXLEN', 0);
});

function channel(code) {
  return `user:{${code}}`;
}

function stream(code) {
  return `mailbox:{${code}}`;
}

http.listen(0, '127.0.0.1', () => console.log(`listening ${http.address().port}`));
process.on('SIGTERM', () => process.exit(0));
