import { cpus } from 'node:os';
import { until } from '../support/until.ts';
import type { Fault } from './faults/fault.ts';
import type { Stage } from './stage.ts';
import type { AlertWatch } from './watch.ts';

export interface Row {
  readonly alert: string;
  readonly fault: string;
  readonly firedS: number;
  /** From the repair. */
  readonly resolvedS: number;
  /** Other alerts that began to fire meanwhile; null where other faults happened at the same time. */
  readonly others: readonly string[] | null;
}

/** Ten minutes pending, and what a rate over fifteen minutes adds. */
const PATIENCE_MS = 40 * 60_000;
const PATIENCE_MS_MIN = 60_000;

/** Causes the fault, waits for its alerts to fire, repairs it, and waits for them to resolve. */
export async function drive(
  fault: Fault,
  run: { readonly stage: Stage; readonly watch: AlertWatch; readonly speed: number },
): Promise<Row[]> {
  const { what, alerts, begin, slow } = fault;
  const { stage, watch, speed } = run;
  const timeoutMs = PATIENCE_MS / speed + PATIENCE_MS_MIN;
  const when = async (fire: boolean, verb: string): Promise<ReadonlyMap<string, number>> => {
    const startedMs = performance.now();
    const times = new Map<string, number>();
    const all = () => {
      for (const name of alerts) {
        if (watch.fires(name) === fire && !times.has(name)) {
          times.set(name, (performance.now() - startedMs) / 1000);
        }
      }
      return alerts.every((name) => times.has(name));
    };
    await until(all, { what: `${alerts.join(', ')} to ${verb}`, timeoutMs });
    return times;
  };
  await when(false, 'be silent before the fault');
  const startedMs = performance.now();
  const others = new Set<string>();
  const repair = await begin(stage);
  let fired: ReadonlyMap<string, number>;
  try {
    fired = await when(true, 'fire');
    for (const name of watch.since(startedMs)) if (!alerts.includes(name)) others.add(name);
  } finally {
    await repair();
  }
  const resolved = await when(false, 'resolve');
  return alerts.map((alert) => ({
    alert,
    fault: what,
    firedS: fired.get(alert) ?? Number.NaN,
    resolvedS: resolved.get(alert) ?? Number.NaN,
    others: slow ? null : [...others],
  }));
}

const MINUTE_S = 60;

function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / MINUTE_S);
  return minutes === 0 ? `${whole} s` : `${minutes} min ${whole % MINUTE_S} s`;
}

/** The rows of docs/drill.md, by alert. */
function rowsOf(markdown: string): Map<string, string> {
  return new Map([...markdown.matchAll(/^\| \[(\w+)\].*$/gm)].map(([line, alert = '']) => [alert, line]));
}

/** docs/drill.md, with `rows` in place of what `before` has for their alerts. */
export function table(
  rows: readonly Row[],
  {
    speed,
    order,
    before,
  }: { readonly speed: number; readonly order: readonly string[]; readonly before: string },
): string {
  const today = new Date().toISOString().slice(0, 10);
  const lines = rowsOf(before);
  for (const { alert, fault, firedS, resolvedS, others } of rows) {
    const link = `[${alert}](runbook.md#${alert.toLowerCase()})`;
    const alsoFired = others === null ? '(other faults at the same time)' : others.join(', ');
    lines.set(
      alert,
      `| ${link} | ${fault} | ${duration(firedS)} | ${duration(resolvedS)} | ${alsoFired} | ${today} |`,
    );
  }
  const pace =
    speed === 1 ? 'The rules keep their\ntimes.' : `All times of the\nrules are divided by ${speed}.`;
  return `# Every alert, fired by a real fault

<!-- Written by a run at real speed: \`DRILL_SPEED=1 npm run drill -- alerts\`. -->

HAProxy, three nodes (and five extra ones, each for one fault), Redis with a replica, Prometheus and its exporters from
Debian's packages on one machine, with exactly the files of \`deploy/\`, while 24 users write 40 envelopes a second. ${pace}
*Fired after* counts from the fault, including scrapes and the rule's \`for\`; *resolved after* counts from the repair (a
rule over ten minutes looks back for ten minutes). On ${cpus().length} cores of ${cpus()[0]?.model ?? 'unknown kind'}, Node ${process.versions.node}.

| alert | fault | fired after | resolved after | fired as well | run on |
|---|---|---|---|---|---|
${order.flatMap((alert) => lines.get(alert) ?? []).join('\n')}
`;
}
