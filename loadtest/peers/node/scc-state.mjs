// Tells SocketCluster's workers where the broker is, once, when they start. SCC's own state server is not on npm; it is
// not on the way of any message, so what stands here instead changes no figure.
import http from 'node:http';
import eetase from 'eetase';
import socketClusterServer from 'socketcluster-server';

const httpServer = eetase(http.createServer());
const agServer = socketClusterServer.attach(httpServer);
const sccBrokerURIs = [`ws://127.0.0.1:${process.env.BROKER_PORT}`];

void (async () => {
  for await (const { socket } of agServer.listener('connection')) {
    void answer(socket, 'sccBrokerJoinCluster', () => ({}));
    void answer(socket, 'sccWorkerJoinCluster', () => ({
      sccBrokerURIs,
      sccWorkerURIs: [],
      time: Date.now(),
    }));
  }
})();

async function answer(socket, procedure, reply) {
  for await (const request of socket.procedure(procedure)) request.end(reply());
}

httpServer.listen(0, '127.0.0.1', () => console.log(`listening ${httpServer.address().port}`));
process.on('SIGTERM', () => process.exit(0));
