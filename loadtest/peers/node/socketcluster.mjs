// A SocketCluster worker as the application that its own generator writes, less the HTTP part: agServer, and an SCC
// broker client attached to its broker engine. One channel per user; the client subscribes to its own, and publishes on
// the recipient's. VERIFY=1 checks each envelope's Ed25519 signature in the inbound middleware, where the documentation
// wants such checks.
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import eetase from 'eetase';
import sccBrokerClient from 'scc-broker-client';
import socketClusterServer from 'socketcluster-server';
import { verifies } from './verifies.mjs';

const httpServer = eetase(http.createServer());
const agServer = socketClusterServer.attach(httpServer, { path: '/socketcluster/' });

if (process.env.VERIFY) {
  agServer.setMiddleware(agServer.MIDDLEWARE_INBOUND, async (actions) => {
    for await (const action of actions) {
      if (action.type === action.PUBLISH_IN && !isSigned(action)) action.block(new Error('bad signature'));
      else action.allow();
    }
  });
}

function isSigned({ socket, data }) {
  socket.key ??= new URL(socket.request.url, 'ws://relay').searchParams.get('key');
  return verifies(socket.key, JSON.stringify(data.data), data.signature);
}

httpServer.listen(0, '127.0.0.1', () => {
  const cluster = sccBrokerClient.attach(agServer.brokerEngine, {
    instanceId: randomUUID(),
    instancePort: httpServer.address().port,
    stateServerHost: '127.0.0.1',
    stateServerPort: Number(process.env.STATE_PORT),
  });
  void listen(cluster, 'error', ({ error }) => console.error(error));
  void listen(cluster, 'updateWorkers', () => console.log(`listening ${httpServer.address().port}`));
});
void listen(agServer, 'error', ({ error }) => console.error(error));
process.on('SIGTERM', () => process.exit(0));

async function listen(emitter, event, then) {
  for await (const what of emitter.listener(event)) then(what);
}
