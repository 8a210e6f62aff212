import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report as BenchReport } from '../bench/report.ts';
import type { SpreadPlan, SpreadResult } from '../bench/spread.ts';
import type { Tried } from '../micro/tried.ts';
import type { PeersReport } from '../peers/report.ts';
import type { ConnectionsPlan, ConnectionsResult } from '../scale/connections.ts';
import type { MailboxesPlan, MailboxesResult } from '../scale/mailboxes.ts';

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
  const parts = Object.keys(SOURCES).map((name) => {
    const file = join(folder, `${name}.json`);
    const lack = lackOf(file);
    if (lack !== null) throw new Error(lack);
    return [name, JSON.parse(readFileSync(file, 'utf8'))] as const;
  });
  return Object.fromEntries(parts) as Figures;
}

/** Why a report cannot be shown, or null. A figure that nothing arrived for is null in its file: no number in JSON. */
export function lackOf(file: string): string | null {
  if (!existsSync(file)) return `${file} is not there: loadtest/README.md says which command writes it`;
  const report = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>;
  const measured = ['phases', 'waking', 'steps', 'spread', 'runs', 'trials', 'verifyUs'].map(
    (part) => report[part],
  );
  const hole = measured.map((part) => holeIn(part ?? 'none')).find((path) => path !== null);
  return hole === undefined
    ? null
    : `${file} has no figure for ${hole}: the machine was too busy; take it anew`;
}

/** The path of the first null. */
function holeIn(value: unknown): string | null {
  if (value === null) return '';
  if (typeof value !== 'object') return null;
  for (const [name, part] of Object.entries(value)) {
    const inside = holeIn(part);
    if (inside !== null) return `${name} ${inside}`.trim();
  }
  return null;
}
