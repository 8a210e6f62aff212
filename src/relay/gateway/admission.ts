import type { RelayContext } from '../context/relay-context.ts';
import { type Problem, upgradeRequired } from '../http/problem.ts';
import type { RequestHeaders } from '../transport/headers.ts';
import { allowsOrigin } from '../transport/origins.ts';
import type { LoopLag } from './lag.ts';
import type { Occupancy } from './occupancy.ts';
import type { Upgrade } from './upgrade.ts';

type Reason = Parameters<RelayContext['metrics']['upgradesRefused']['of']>[0];

/** Why an upgrade is refused: for the metric, and for the client. */
export interface RefusedUpgrade {
  readonly reason: Reason;
  readonly problem: Problem;
}

export interface AdmissionOptions {
  readonly context: Pick<RelayContext, 'config' | 'rates'>;
  readonly occupancy: Occupancy;
  readonly lag: LoopLag;
}

/** Decides which upgrades may pass. */
export class Admission {
  readonly #options: AdmissionOptions;
  /** Never goes back to false. */
  #draining = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Upgrades get 503 from here on. A load balancer that prefers the node with the fewest connections would otherwise
   * send every client to the node that is closing them, until it has seen that this node is not ready.
   */
  close(): void {
    this.#draining = true;
  }

  /** Null if this upgrade may pass. Cheap checks first. @param sockets open ones of this node */
  refuse({ headers, address }: Upgrade, sockets: number): RefusedUpgrade | null {
    return (
      this.#handshake(headers) ??
      (this.#draining ? DRAINING : null) ??
      this.#origin(headers.get('origin')) ??
      this.#capacity(sockets) ??
      this.#address(address)
    );
  }

  #handshake(headers: RequestHeaders): RefusedUpgrade | null {
    // A proxy that saw no upgrade, or a body, would misread the bytes behind the 101.
    if (headers.ambiguity !== null || headers.hasBody) {
      const detail = headers.ambiguity ?? 'an upgrade has no body';
      return { reason: 'handshake', problem: { status: 400, detail } };
    }
    return headers.asksForWebSocket ? null : { reason: 'handshake', problem: upgradeRequired() };
  }

  #origin(origin: string): RefusedUpgrade | null {
    const { allowedOrigins } = this.#options.context.config;
    if (origin === '' || allowsOrigin(allowedOrigins, origin)) return null;
    return {
      reason: 'origin',
      problem: { status: 403, detail: `pages of ${origin} may not use this relay` },
    };
  }

  #capacity(sockets: number): RefusedUpgrade | null {
    const { context, lag } = this.#options;
    const busy = (reason: Reason, detail: string) => ({
      reason,
      problem: { status: 503, detail, retryAfterS: 5 },
    });
    if (sockets >= context.config.maxSockets)
      return busy('sockets', 'this node holds as many sockets as it may');
    // Logged-in connections come first: a login costs a verify and a claim.
    if (over(lag.ms, context.config.maxLagMs))
      return busy('overload', 'this node is too busy for new connections');
    return null;
  }

  #address(address: string): RefusedUpgrade | null {
    const { context, occupancy } = this.#options;
    const tooMany = (reason: Reason, detail: string, retryAfterS: number) => ({
      reason,
      problem: { status: 429, detail, retryAfterS },
    });
    const waitMs = context.rates.upgrades.take(address);
    if (waitMs > 0)
      return tooMany('address_rate', 'too many upgrades from your address', Math.ceil(waitMs / 1000));
    if (over(occupancy.open(address), context.config.socketsPerAddress))
      return tooMany('address_sockets', 'too many sockets from your address', 30);
    if (over(occupancy.pending(address), context.config.pendingPerAddress))
      return tooMany('address_pending', 'too many sockets without a login from your address', 10);
    return null;
  }
}

const DRAINING: RefusedUpgrade = {
  reason: 'draining',
  problem: { status: 503, detail: 'this node is stopping: connect again', retryAfterS: 1 },
};

/** A limit of 0 is off. */
function over(count: number, limit: number): boolean {
  return limit > 0 && count >= limit;
}
