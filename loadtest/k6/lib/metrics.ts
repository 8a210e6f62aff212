import { Counter, Rate, Trend } from 'k6/metrics';

/** From when an envelope was due to its arrival: waiting to be sent is not left out (coordinated omission). */
export const latency = new Trend('envelope_latency', true);
/** How late this generator sent what was due: most of the latency is its own if this is. */
export const lateness = new Trend('generator_lateness', true);
export const due = new Counter('envelopes_due');
export const received = new Counter('envelopes_received');
/** The relay said so: `unavailable`, `rate_limited`, `mailbox_full`. Load shed openly. */
export const refused = new Rate('envelopes_refused');
/** Accepted and never received: a broken promise, at any load. */
export const lost = new Counter('envelopes_lost');
/** Neither accepted, refused nor received. */
export const unknown = new Counter('envelopes_unknown');
export const outOfOrder = new Counter('envelopes_out_of_order');
/** Received with other bytes than were sent. */
export const altered = new Counter('envelopes_altered');
/** What at-least-once allows after a reconnect. */
export const repeated = new Counter('envelopes_repeated');
/** From dialling to `connect_ack`. */
export const loginTime = new Trend('login_time', true);
export const reconnects = new Counter('reconnects');

/** What holds at any load. */
export const PROMISES = {
  envelopes_received: ['count>0'],
  envelopes_lost: ['count==0'],
  envelopes_unknown: ['count==0'],
  envelopes_out_of_order: ['count==0'],
  envelopes_altered: ['count==0'],
};

export const TREND_STATS = ['med', 'p(95)', 'p(99)', 'max'];
