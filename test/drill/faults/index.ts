import { CLIENT_FAULTS } from './clients.ts';
import type { Fault } from './fault.ts';
import { nodeFaults } from './nodes.ts';
import { redisFaults } from './redis.ts';
import { SURROUNDING_FAULTS } from './surroundings.ts';
import { type Wakers, wakeFaults } from './wake.ts';

/** One for each alert, or more. */
export const faults = (options: {
  readonly certificateFolder: string;
  /** Of Prometheus' clock; see `copyFaster`. */
  readonly speed: number;
  readonly wakers: Wakers;
}): readonly Fault[] => [
  ...SURROUNDING_FAULTS,
  ...nodeFaults(options.certificateFolder),
  ...redisFaults(options.speed),
  ...CLIENT_FAULTS,
  ...wakeFaults(options.wakers),
];
