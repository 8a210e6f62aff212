import { bars, lines } from '../../test/support/plots/charts.ts';
import type { Wakeful } from './rig.ts';
import type { FullSpreadStep } from './spread.ts';
import type { Budget } from './steps.ts';

export interface Phase {
  readonly name: string;
  /** Envelopes that arrived, per second. */
  readonly perSecond: number;
  readonly sent: number;
  readonly received: number;
  readonly errors: readonly string[];
  /** From when an envelope was due to its arrival. */
  readonly latencyMs: readonly { readonly percentile: number; readonly ms: number }[];
  /** Processor time for one envelope. */
  readonly cpuUs: { readonly nodes: number; readonly redis: number; readonly clients: number };
}

/** Of one phase, for each envelope. */
export interface Waking {
  readonly load: string;
  readonly nodes: Wakeful;
  readonly redis: Wakeful;
}

export interface Report {
  readonly machine: string;
  readonly settings: string;
  readonly nodes: number;
  /** One Ed25519 verify: the unit of ratios. */
  readonly verifyUs: number;
  /** Processor time per second of nodes and Redis without envelopes, with sockets open. */
  readonly idleUsPerS: number;
  /** Load of the machine when the bench began: others on it make every figure larger. */
  readonly loadAverage: number;
  readonly phases: readonly Phase[];
  /** One for each phase. */
  readonly waking: readonly Waking[];
  /** By load, the least first. Empty if they were not asked for. */
  readonly steps: readonly Budget[];
  readonly spread: readonly FullSpreadStep[];
}

/** One page, no other file needed. */
export function html(report: Report): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>keyrelay benchmark</title>
<style>body{font:15px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem}svg{max-width:100%}</style>
<h1>keyrelay benchmark</h1><p>${report.machine}<br>${report.settings}</p>${Object.values(plots(report)).join('')}</html>\n`;
}

/** The plots as SVG, by the name that a file of each may have. Of several runs the last is drawn. */
export function plots(report: Report): Readonly<Record<string, string>> {
  const phases = [...new Map(report.phases.map((phase) => [phase.name, phase])).values()];
  const open = phases.filter((phase) => phase.name.startsWith('open'));
  const drawn: Record<string, string> = { cost: costPlot(report, phases) };
  if (open.length > 0) {
    drawn['latency-percentiles'] = lines({
      title: 'Latency by percentile',
      xLabel: 'percentile',
      yLabel: 'ms (log)',
      ticks: [50, 75, 90, 95, 99, 99.9].map(String),
      series: open.map(({ name, latencyMs }) => ({
        name,
        values: latencyMs.slice(0, 6).map(({ ms }) => ms),
      })),
    });
    drawn['latency-rate'] = lines({
      title: 'Latency over rate',
      xLabel: 'envelopes per second',
      yLabel: 'ms (log)',
      ticks: open.map(({ perSecond }) => `${perSecond}`),
      series: [50, 99, 99.9].map((percentile) => ({
        name: `p${percentile}`,
        values: open.map(
          ({ latencyMs }) => latencyMs.find((entry) => entry.percentile === percentile)?.ms ?? 0,
        ),
      })),
    });
  }
  if (report.steps.length > 0) drawn.steps = stepsPlot(report);
  if (report.spread.length > 0) drawn.nodes = nodesPlot(report.spread);
  return drawn;
}

function costPlot({ verifyUs }: Report, phases: readonly Phase[]): string {
  return bars({
    title: `Processor time of one envelope (one verify: ${verifyUs.toFixed(1)} µs)`,
    unit: 'µs',
    names: phases.map(({ name }) => name),
    parts: ['nodes', 'redis'],
    values: phases.map(({ cpuUs }) => [cpuUs.nodes, cpuUs.redis]),
    mark: { name: 'one verify', value: verifyUs },
  });
}

/** What a step takes at full load, and on top of it what it takes more where fewer envelopes share a wake-up. */
function stepsPlot({ steps, verifyUs }: Report): string {
  const budgets = steps.toReversed();
  const names = stepNames(steps);
  return bars({
    title: 'Processor time of one envelope by step and load',
    unit: 'µs',
    names,
    parts: budgets.map(({ load }, index) => (index === 0 ? load : `more, ${load}`)),
    values: names.map((name) => {
      let before = 0;
      return budgets.map((budget) => {
        const more = Math.max(0, stepUs(budget, name) - before);
        before += more;
        return more;
      });
    }),
    mark: { name: 'one verify', value: verifyUs },
  });
}

/** Of all loads, in the order of the highest. */
export function stepNames(budgets: readonly Budget[]): readonly string[] {
  return [...new Set(budgets.toReversed().flatMap(({ steps }) => steps.map(({ step }) => step)))];
}

export function stepUs({ steps }: Budget, name: string): number {
  return steps.find(({ step }) => step === name)?.us ?? 0;
}

function nodesPlot(spread: readonly FullSpreadStep[]): string {
  const [first] = spread;
  return bars({
    title: 'Throughput over nodes: the same load for each node, on the same cores',
    unit: 'envelopes per second',
    names: spread.map(
      ({ nodes, open }) => `${nodes} nodes, ${Math.round(open.nodesUs + open.redisUs)} µs each`,
    ),
    parts: ['offered and delivered', 'more at full load'],
    values: spread.map(({ open, closed }) => [
      open.perSecond,
      Math.max(0, closed.perSecond - open.perSecond),
    ]),
    mark: { name: 'one node, offered', value: first?.open.perSecond ?? 0 },
  });
}
