/** The scenarios, once: what happens in each, and what must hold for it to pass. */

/** What happens to the users when a stage begins. */
export type Event = 'cut-all' | 'recipients-leave' | 'recipients-return';

export interface Stage {
  readonly name: string;
  /** Before `--time` is applied. */
  readonly seconds: number;
  /** Offered rate at its beginning and end, as multiples of `--rate`; in between it moves in a straight line. */
  readonly from: number;
  readonly to: number;
  readonly event?: Event;
  /** Bound on the 99th percentile from due to received; none where waiting is the point. */
  readonly p99MsMax?: number;
}

export interface Scenario {
  readonly about: string;
  readonly stages: readonly Stage[];
  /** Share of envelopes that may be refused (`unavailable`, `rate_limited`, `mailbox_full`): load shed openly. */
  readonly refusedShareMax: number;
  /** After an event: everybody is back, and what waited has arrived, within so many seconds. */
  readonly recoverySecondsMax?: number;
  /** Ends early, and passes, at the rate where p99 has been above this for `BREAK_SECONDS`: the answer that is sought. */
  readonly breaksAtP99Ms?: number;
  /** The last tenth of the time may have this multiple of the p99 of the first tenth. */
  readonly driftMax?: number;
}

export const BREAK_SECONDS = 5;

const P99_MS = 250;

function hold(name: string, at: number, seconds: number): Stage {
  return { name, seconds, from: at, to: at, p99MsMax: P99_MS };
}

/** While the rate moves, what it moves to is what counts. */
function ramp(from: number, to: number, seconds: number): Stage {
  return { name: `${from} → ${to}`, seconds, from, to };
}

export const SCENARIOS = {
  smoke: {
    about: 'a few envelopes: does everything work at all? After every deployment.',
    stages: [hold('a tenth', 0.1, 10)],
    refusedShareMax: 0,
  },
  average: {
    about: 'an ordinary day: is the latency what was promised? Before every release.',
    stages: [ramp(0, 1, 20), hold('average', 1, 90), ramp(1, 0, 10)],
    refusedShareMax: 0,
  },
  stress: {
    about: 'above the ordinary, in steps: where does latency begin to grow, and does it come back?',
    stages: [
      ramp(0, 1, 10),
      hold('average', 1, 20),
      ramp(1, 2, 10),
      { ...hold('twice', 2, 20), p99MsMax: 2 * P99_MS },
      ramp(2, 3, 10),
      { ...hold('three times', 3, 20), p99MsMax: 4 * P99_MS },
      ramp(3, 1, 5),
      hold('average again', 1, 20),
    ],
    refusedShareMax: 0.01,
  },
  spike: {
    about: 'ten times the load within two seconds: what is refused, and how soon is it over?',
    stages: [
      hold('before', 1, 15),
      ramp(1, 10, 2),
      { name: 'ten times', seconds: 15, from: 10, to: 10 },
      ramp(10, 1, 2),
      // What the spike left behind arrives here; behind it all must be as before.
      { name: 'settling', seconds: 10, from: 1, to: 1 },
      hold('after', 1, 15),
    ],
    refusedShareMax: 0.5,
  },
  soak: {
    about: 'average for hours: does anything grow? Watch resident memory and mailboxes on the dashboard.',
    stages: [hold('soak', 1, 3600)],
    refusedShareMax: 0,
    driftMax: 2,
  },
  breakpoint: {
    about: 'ever more until it breaks: the rate that this installation carries.',
    stages: [{ name: 'rising', seconds: 600, from: 0, to: 40 }],
    refusedShareMax: 1,
    breaksAtP99Ms: 1_000,
  },
  'reconnect-storm': {
    about:
      'every connection is cut at once and comes back at once: how long until all are in, and is anything lost?',
    stages: [
      hold('before', 1, 10),
      { name: 'storm', seconds: 20, from: 1, to: 1, event: 'cut-all' },
      hold('after', 1, 10),
    ],
    refusedShareMax: 0,
    recoverySecondsMax: 15,
  },
  offline: {
    about: 'recipients are away while others write to them: does everything wait for them, in order?',
    stages: [
      { name: 'away', seconds: 20, from: 1, to: 1, event: 'recipients-leave' },
      { name: 'back', seconds: 10, from: 1, to: 1, event: 'recipients-return' },
      hold('after', 1, 10),
    ],
    refusedShareMax: 0,
    recoverySecondsMax: 10,
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;

export function isScenario(name: string | undefined): name is ScenarioName {
  return name !== undefined && Object.hasOwn(SCENARIOS, name);
}
