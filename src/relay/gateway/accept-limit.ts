import type { RelayContext } from '../context/relay-context.ts';
import type { AddressReader } from '../transport/client-address.ts';
import type { HttpResponse, TemplatedApp } from '../transport/uws.ts';

/**
 * Connections beyond RELAY_MAX_SOCKETS that are still accepted, so that refusals can be explained and look-ups go on
 * while a node is full.
 */
const SPARE_CONNECTIONS = 500;

/**
 * Bounds connections before their first request: one that never finishes it is no WebSocket, and is counted nowhere
 * else. Without a bound the process runs out of files, and then spins over connections that it cannot accept.
 */
export class AcceptLimit {
  readonly #context: RelayContext;
  readonly #addresses: AddressReader;
  /** Open connections that are no WebSocket. */
  #requesting = 0;

  constructor(context: RelayContext, addresses: AddressReader) {
    this.#context = context;
    this.#addresses = addresses;
  }

  /** @param webSockets counts the open ones */
  register(app: TemplatedApp, webSockets: () => number): void {
    app.filter((res, change) => (change.valueOf() > 0 ? this.#opened(res, webSockets()) : this.left()));
  }

  #opened(res: HttpResponse, webSockets: number): void {
    const { config, rates, metrics } = this.#context;
    this.#requesting += 1;
    const full = this.#requesting + webSockets > config.maxSockets + SPARE_CONNECTIONS;
    const peer = this.#addresses.peer(res);
    const tooFast = peer !== null && rates.connections.take(peer) > 0;
    if (!full && !tooFast) return;
    metrics.connectionsRefused.of(full ? 'sockets' : 'address_rate').add();
    res.close();
  }

  /**
   * A connection has closed, or become a WebSocket, whose end uWebSockets does not report here. Never below 0: should
   * a build of uWebSockets report an end twice, that must not raise the limit.
   */
  left(): void {
    this.#requesting = Math.max(0, this.#requesting - 1);
  }
}
