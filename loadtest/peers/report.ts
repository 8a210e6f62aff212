import { bars } from '../../test/support/plots/charts.ts';
import { median } from '../support/median.ts';
import type { Contender } from './contenders.ts';

/** What peers/main.ts writes. */
export interface PeersReport {
  readonly machine: string;
  readonly loadAverage: number;
  readonly settings: { readonly rate: string; readonly runs: string };
  readonly contenders: readonly Contender[];
  readonly runs: readonly PeerRun[];
}

export interface PeerFigures {
  readonly perSecond: number;
  readonly missing: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly nodesUs: number;
  readonly redisUs: number;
}

export interface PeerRun {
  readonly contender: string;
  readonly verifyUs: number;
  /** As much as it takes. */
  readonly closed: PeerFigures;
  /** The same rate for all. */
  readonly open: PeerFigures;
}

export function peersPlot({ contenders, runs }: PeersReport): string {
  const of = (name: string, figure: (run: PeerRun) => number) =>
    median(runs.filter((run) => run.contender === name).map(figure));
  return bars({
    title: 'Processor time of one envelope at full load',
    unit: 'µs',
    names: contenders.map(({ name }) => name),
    parts: ['nodes', 'redis or broker'],
    values: contenders.map(({ name }) => [
      of(name, ({ closed }) => closed.nodesUs),
      of(name, ({ closed }) => closed.redisUs),
    ]),
    mark: { name: 'one verify', value: median(runs.map(({ verifyUs }) => verifyUs)) },
  });
}
