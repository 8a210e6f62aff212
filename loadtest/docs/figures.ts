import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report as BenchReport } from '../bench/report.ts';
import type { SpreadPlan, SpreadResult } from '../bench/spread.ts';
import type { PeersReport } from '../peers/report.ts';
import type { ConnectionsPlan, ConnectionsResult } from '../scale/connections.ts';
import type { MailboxesPlan, MailboxesResult } from '../scale/mailboxes.ts';
import type { Tried } from '../tried.ts';

/** What scale/main.ts writes. */
export interface ScaleReport<Plan, Result> {
  readonly machine: string;
  readonly loadAverage: number;
  readonly plan: Plan;
  readonly verifyUs: readonly number[];
  readonly runs: readonly Result[];
}

/** What was measured, as the programs wrote it; each is a file of this name in docs/figures. */
export interface Figures {
  readonly bench: BenchReport;
  readonly peers: PeersReport;
  readonly connections: ScaleReport<ConnectionsPlan, ConnectionsResult>;
  /** The same mode, with as many connections as the target asks for, and as long. */
  readonly hold: ScaleReport<ConnectionsPlan, ConnectionsResult>;
  readonly shards: ScaleReport<SpreadPlan, SpreadResult>;
  readonly mailboxes: ScaleReport<MailboxesPlan, MailboxesResult>;
  readonly tried: Tried;
}

/** From where each comes, below .cache. */
export const SOURCES: Readonly<Record<keyof Figures, string>> = {
  bench: 'bench/report.json',
  peers: 'peers/report.json',
  connections: 'scale/connections.json',
  hold: 'scale/hold.json',
  shards: 'scale/shards.json',
  mailboxes: 'scale/mailboxes.json',
  tried: 'tried.json',
};

export function readFigures(folder: string): Figures {
  const names = Object.keys(SOURCES);
  const missing = names.filter((name) => !existsSync(join(folder, `${name}.json`)));
  if (missing.length > 0)
    throw new Error(
      `${folder} has no ${missing.join(', ')}: docs/performance.md says which command writes each`,
    );
  const parts = names.map((name) => [name, JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))]);
  return Object.fromEntries(parts) as Figures;
}
