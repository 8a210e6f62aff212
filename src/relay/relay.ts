import { setTimeout as sleep } from 'node:timers/promises';
import type { Engine } from '../engine/engine.ts';
import type { Logger } from '../ops/log/log.ts';
import type { Metrics } from '../ops/metrics/metrics.ts';
import type { Config } from '../ops/settings/config.ts';
import { createRelayContext } from './context/relay-context.ts';
import { drain } from './drain.ts';
import { Gateway } from './gateway/gateway.ts';
import { HttpApi } from './http/api.ts';
import { loadPage } from './http/static.ts';
import { AddressReader } from './transport/client-address.ts';
import { createApp, readCertificate } from './transport/tls.ts';
import { loadUws, type TemplatedApp } from './transport/uws.ts';
import { Waker } from './wake/waker.ts';
import { type Message, postSigned, Webhook } from './wake/webhook.ts';

/** From the first byte of a connection to its request, unless the line is slow. */
const UPGRADE_MS = 200;

export interface RelayParts {
  readonly config: Config;
  /** Started. */
  readonly engine: Engine;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Folder of the built page; null serves none. */
  readonly pageFolder: string | null;
}

export interface Relay {
  /** The port it listens on: the kernel's choice if RELAY_PORT is 0. */
  readonly port: number;
  /** Which package of uWebSockets.js runs. */
  readonly uwsBuild: string;
  health(): { readonly ready: boolean; readonly reason: string };
  /**
   * Reads RELAY_TLS_CERT and RELAY_TLS_KEY again: new connections get the new certificate, open ones keep theirs.
   * Rejects, and keeps the old one, if the files are wrong.
   */
  reloadCertificate(): Promise<void>;
  /**
   * Not ready from here on; resolves when every socket is closed with 1012 and the store has released its session.
   * @param portIsShared another process listens on the same port: new connections go there, and none is refused
   */
  drain(options: { readonly portIsShared: boolean }): Promise<void>;
  /** Closes all that is left, at once. */
  close(): void;
}

/** Listens for clients, and keeps their sessions until it is drained. Rejects if it cannot listen. */
export async function createRelay(parts: RelayParts): Promise<Relay> {
  const { config, engine, log, metrics, pageFolder } = parts;
  const { uws, build } = loadUws();
  const context = createRelayContext(parts);
  const addresses = new AddressReader(config.trustedProxies, (reason) =>
    log.warn('a trusted proxy hides its clients', { reason }),
  );
  const gateway = new Gateway(context, addresses);
  const api = new HttpApi(context, addresses, pageFolder === null ? new Map() : loadPage(pageFolder));
  /** Every app that may have open sockets; the last one listens. */
  const apps: TemplatedApp[] = [];
  const open = async (port: number): Promise<ListenSocket> => {
    const certificate = readCertificate(config);
    const app = createApp(uws, certificate);
    gateway.register(app);
    api.register(app);
    const socket = await listen(app, config.host, port);
    apps.push(app);
    metrics.certificateExpiry.set(certificate?.expiresAtS ?? 0);
    return socket;
  };
  let listening = await open(config.port);
  const port = uws.us_socket_local_port(listening);
  gateway.start();
  const wakers = await startWakers(parts);
  let draining = false;
  return {
    port,
    uwsBuild: build,
    health: () => (draining ? { ready: false, reason: 'draining' } : engine.health()),
    reloadCertificate: async () => {
      if (draining) return;
      // uSockets sets SO_REUSEPORT only for a given port.
      if (config.port === 0) throw new Error('a port that the system chose cannot be shared: set RELAY_PORT');
      // Both listen for a moment (SO_REUSEPORT), so that no connection is refused during the switch.
      const before = listening;
      listening = await open(port);
      uws.us_listen_socket_close(before);
    },
    drain: async ({ portIsShared }) => {
      draining = true;
      const { connections } = gateway;
      if (portIsShared) {
        // The kernel gives new connections to the other processes at once. Clients that have connected are let in, and
        // asked to come back.
        uws.us_listen_socket_close(listening);
        await sleep(UPGRADE_MS);
      } else {
        // Still listens, for the HTTP API: a load balancer needs a moment to see that this node is not ready.
        gateway.admission.close();
      }
      const onProgress = (remaining: number) => metrics.drainRemaining.set(remaining);
      await drain({ connections, drainMs: config.drainMs, onProgress });
      if (!portIsShared) uws.us_listen_socket_close(listening);
      // A client that was in the middle of an upgrade gets its 1012, too.
      await drain({ connections, drainMs: 0, onProgress });
      await gateway.settled();
      await Promise.all(wakers.map((waker) => waker.stop()));
    },
    close: () => {
      gateway.stop();
      for (const app of apps) app.close();
    },
  };
}

/** One for each way that is set. */
async function startWakers({ config, engine, log, metrics }: RelayParts): Promise<readonly Waker[]> {
  const wakers: Waker[] = [];
  const { wakeUrl: url, wakeSecret: secret, wakePrivate, pushVapidKey, pushPrivate } = config;
  if (url !== '') {
    const target = { url, secret, allowPrivate: wakePrivate };
    const send = (message: Message, signal: AbortSignal) => postSigned(target, message, signal);
    const way = new Webhook({ send, log, metrics });
    wakers.push(new Waker({ announcements: engine.announcements, way }));
  }
  if (pushVapidKey !== null) {
    // Its package is large, and most relays do without.
    const { WebPush } = await import('./wake/web-push.ts');
    const way = new WebPush({
      vapid: { ...pushVapidKey, subject: config.pushSubject },
      services: { allowed: config.pushServices, allowPrivate: pushPrivate },
      ttlS: Math.ceil(config.mailboxTtlMs / 1000),
      drop: (code, endpoint) => engine.subscriptions.drop(code, endpoint),
      log,
      metrics,
    });
    wakers.push(new Waker({ announcements: engine.pushes, way }));
  }
  for (const waker of wakers) waker.start();
  return wakers;
}

type ListenSocket = Parameters<ReturnType<typeof loadUws>['uws']['us_socket_local_port']>[0];

function listen(app: TemplatedApp, host: string, port: number): Promise<ListenSocket> {
  return new Promise((resolve, reject) => {
    app.listen(host, port, (socket) => {
      if (socket !== false) resolve(socket);
      else
        reject(
          new Error(
            `cannot listen on ${host}:${port}: is the port taken? Set RELAY_PORT to another, or to 0`,
          ),
        );
    });
  });
}
