import type { RelayContext } from '../context/relay-context.ts';
import type { AddressReader } from '../transport/client-address.ts';
import type { HttpResponse, TemplatedApp } from '../transport/uws.ts';

/**
 * Connections beyond RELAY_MAX_SOCKETS that are still accepted, so that a refusal can be told in words and look-ups
 * go on while a node is full.
 */
const SPARE_CONNECTIONS = 500;

/**
 * Bounds what has not asked for anything yet: a connection that never finishes its request is no WebSocket, and would
 * be counted nowhere else. Without a bound the process runs out of files, and then spins over what it cannot accept.
 */
export class AcceptLimit {
  readonly #node: RelayContext;
  readonly #addresses: AddressReader;
  /** Connections that are no WebSocket. */
  #requesting = 0;

  constructor(node: RelayContext, addresses: AddressReader) {
    this.#node = node;
    this.#addresses = addresses;
  }

  /** @param webSockets how many there are */
  register(app: TemplatedApp, webSockets: () => number): void {
    app.filter((res, change) => (change.valueOf() > 0 ? this.#came(res, webSockets()) : this.#left()));
  }

  #came(res: HttpResponse, webSockets: number): void {
    const { config, rates, metrics } = this.#node;
    this.#requesting += 1;
    const full = this.#requesting + webSockets > config.maxSockets + SPARE_CONNECTIONS;
    const peer = this.#addresses.peer(res);
    const tooFast = peer !== null && rates.connections.take(peer) > 0;
    if (!full && !tooFast) return;
    metrics.connectionsRefused.of(full ? 'sockets' : 'address_rate').add();
    res.close();
  }

  /** One of them has become a WebSocket, whose end uWebSockets does not tell here. */
  upgraded(): void {
    this.#left();
  }

  /** A build that told it twice must not make room for more than there is, but never less. */
  #left(): void {
    this.#requesting = Math.max(0, this.#requesting - 1);
  }
}
