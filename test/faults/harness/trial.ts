import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../../../src/cli/dev/root.ts';
import { Random } from '../../support/random.ts';
import { type CheckOptions, check, type Verdict } from '../checker/checker.ts';
import { delaysOf, gapsOf, quantile } from '../checker/figures.ts';
import type { SentEnvelope } from '../checker/history.ts';
import { Journal } from '../checker/journal.ts';
import { Crowd, type CrowdOptions } from '../clients/crowd.ts';
import { mailboxesInUse, mailboxIn } from '../injectors/mailboxes.ts';
import { Rig, type RigOptions } from './rig.ts';
import type { Mark, Sample, Timeline } from './timeline.ts';

const SAMPLE_MS = 250;
const POLL_MS = 20;
const CATCH_UP_MS = 30_000;
const CONFIRMED_WITHIN_MS = 10_000;
/** Of the mailboxes that are not empty at the end, so many are shown. */
/** Of each node, when a run has failed. */
const WARNINGS_SHOWN = 20;
const MAILBOXES_SHOWN = 3;
/** Compiled code and caches that a fault warms up are no leak. */
const MEMORY_SLACK_BYTES = 8 * 1024 * 1024;

export interface Scenario {
  readonly name: string;
  /** Of the fault table in docs/reliability.md. */
  readonly row: number;
  readonly what: string;
  /** It measures what another one beside it would disturb. */
  readonly alone?: true;
  run(trial: Trial): Promise<void>;
}

/** Something that the scenario needs is not to be had on this machine. The message says what. */
export class NotRun extends Error {}

export interface Rule {
  readonly text: string;
  readonly passed: boolean;
  readonly measured: string;
  /** A bound of time, which a busy machine may miss once. */
  readonly time: boolean;
}

export interface Outcome {
  readonly scenario: string;
  readonly row: number;
  readonly what: string;
  readonly seed: number;
  readonly short: boolean;
  readonly notRun: string | null;
  readonly durationMs: number;
  readonly verdict: Verdict;
  readonly rules: readonly Rule[];
  readonly passed: boolean;
  readonly peakBytes: number;
  /** For each recipient the longest that something accepted waited for its first arrival, sorted. */
  readonly gapsMs: readonly number[];
  readonly errors: ReadonlyMap<string, number>;
  readonly closes: ReadonlyMap<number, number>;
  readonly timeline: Timeline;
}

export interface TrialOptions {
  readonly seed: number;
  /** The short form: fewer envelopes, fewer faults, the same rules. */
  readonly short: boolean;
  /** Of the scenario that takes any time. Default: its own. */
  readonly minutes?: number | undefined;
  /** Of the relay. Default: as built. */
  readonly main?: string;
  readonly log?: (line: string) => void;
}

/** One run of one scenario: what it is given, and what it is judged by. */
export class Trial {
  readonly short: boolean;
  readonly minutes: number | null;
  readonly seed: number;
  readonly random: Random;
  readonly journal = new Journal();
  /** What the chosen durability allows the store to lose. */
  mayLose: (envelope: SentEnvelope) => boolean = () => false;
  /** The store may have forgotten that it had stored something: storing it again is then no fault. */
  historyMayBeUndone = false;
  acceptedMin: number;
  /** Why it cannot be run here; null while it can. */
  notRun: string | null = null;
  /** The relay that is tested: its cli/main.js. */
  readonly main: string;
  readonly #log: (line: string) => void;
  readonly #startedMs = performance.now();
  readonly #samples: Sample[] = [];
  readonly #marks: Mark[] = [];
  readonly #rules: Rule[] = [];
  readonly #folders: string[] = [];
  #rig: Rig | null = null;
  #crowd: Crowd | null = null;
  #sampler: NodeJS.Timeout | null = null;
  /** What the nodes held under load, before anything was broken. */
  #calmBytes: number | null = null;

  constructor(options: TrialOptions) {
    this.seed = options.seed;
    this.short = options.short;
    this.minutes = options.minutes ?? null;
    this.random = new Random(options.seed);
    this.acceptedMin = options.short ? 1_000 : 10_000;
    this.main = options.main ?? join(ROOT, 'dist/cli/main.js');
    this.#log = options.log ?? (() => undefined);
  }

  /** A folder for files of this run. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'keyrelay-faults-'));
    this.#folders.push(folder);
    return folder;
  }

  async rig(options: RigOptions): Promise<Rig> {
    this.#rig = await Rig.start(options, { main: this.main, random: this.random });
    return this.#rig;
  }

  /** Plain clients, connected, on any listed node. */
  async crowd(options: Partial<CrowdOptions> & { readonly count: number }): Promise<Crowd> {
    const rig = this.#mustRig();
    const { journal, random } = this;
    const crowd = await Crowd.gather({ http: rig.node(0).http, dial: rig.dial, journal, random, ...options });
    this.#crowd = crowd;
    this.#sampler ??= setInterval(() => this.#sample(), SAMPLE_MS);
    await crowd.connect();
    return crowd;
  }

  /** Something is done to the rig now. */
  mark(what: string): void {
    const atMs = performance.now() - this.#startedMs;
    this.#marks.push({ atMs, what });
    this.#log(`${(atMs / 1000).toFixed(1).padStart(7)} s  ${what}`);
  }

  rule(text: string, passed: boolean, measured: string, kind: 'time' | 'truth' = 'truth'): void {
    this.#rules.push({ text, passed, measured, time: kind === 'time' });
    if (!passed) this.#log(`          BROKEN: ${text} (${measured})`);
  }

  /** A rule with a bound from above. */
  atMost(text: string, value: number, bound: number, unit = 'ms'): void {
    const kind = unit === 'ms' ? 'time' : 'truth';
    this.rule(`${text} ≤ ${bound} ${unit}`, value <= bound, `${Math.round(value * 10) / 10} ${unit}`, kind);
  }

  /** From being accepted to the first arrival: the q-th part of what `which` names took at most so long, ms. */
  delay(q: number, which?: (envelope: SentEnvelope) => boolean): number {
    return quantile(delaysOf(this.journal, which), q);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** Waits for a condition; false, without a complaint, if it took too long: rules decide what that means. */
  async until(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    while (!(await condition())) {
      if (performance.now() > deadline) return false;
      await this.sleep(POLL_MS);
    }
    return true;
  }

  /** Until so many were accepted in all. */
  untilAccepted(count: number, timeoutMs: number): Promise<boolean> {
    return this.until(() => this.journal.accepted >= count, timeoutMs);
  }

  /** Begins to write, and lets it run for a moment before anything is broken: what memory is compared with. */
  async warmUp(crowd: Crowd, perSecond: number): Promise<void> {
    crowd.write(perSecond);
    await this.untilAccepted(Math.min(500, perSecond * 2), 20_000);
    this.#calmBytes = await this.#held();
  }

  /** All is healed: writing stops, and every client has this long to receive what was accepted. */
  async heal(boundMs = CATCH_UP_MS): Promise<void> {
    this.mark('healed');
    const { done, tookMs } = await this.#mustCrowd().catchUp(boundMs, this.mayLose);
    this.atMost('all caught up after healing', done ? tookMs : Number.POSITIVE_INFINITY, boundMs);
    await this.confirmed('mailboxes are empty');
    const away = this.#mustCrowd().clients.filter(({ staysAway }) => staysAway !== null);
    this.rule(
      'no client had to stay away',
      away.length === 0,
      `${away.length}: ${away.map((c) => c.staysAway).join(' ')}`,
    );
    if (this.#calmBytes !== null) {
      const boundBytes = this.#calmBytes * 1.2 + MEMORY_SLACK_BYTES;
      this.atMost('memory held by the nodes', megabytes(await this.#held()), megabytes(boundBytes), 'MB');
    }
  }

  /** Judges, and ends everything. */
  async finish(): Promise<Outcome> {
    const ends = this.#rig?.unexpectedEnds ?? ['the rig did not start'];
    this.rule('no process gone but those killed', ends.length === 0, ends.join('\n') || 'none');
    await this.remove();
    const { acceptedMin, mayLose, historyMayBeUndone } = this;
    const options: CheckOptions = { acceptedMin, mayLose, historyMayBeUndone };
    const verdict = check(this.journal, options);
    return {
      scenario: '',
      row: 0,
      what: '',
      seed: this.seed,
      short: this.short,
      notRun: this.notRun,
      durationMs: performance.now() - this.#startedMs,
      verdict,
      rules: this.#rules,
      passed: this.notRun === null && verdict.result === 'pass' && this.#rules.every(({ passed }) => passed),
      peakBytes: Math.max(...this.#samples.map(({ memoryBytes }) => memoryBytes), 0),
      gapsMs: gapsOf(this.journal),
      errors: this.journal.errors,
      closes: this.journal.closes,
      timeline: { samples: this.#samples, marks: this.#marks },
    };
  }

  /** What the nodes have complained of in their last lines, into the log. */
  tellWarnings(): void {
    for (const { id, output } of this.#rig?.nodes ?? []) {
      const lines = output.split('\n').filter((line) => /"severity":"(warn|error|fatal)/.test(line));
      for (const line of lines.slice(-WARNINGS_SHOWN)) this.#log(`  ${id}: ${line}`);
    }
  }

  async remove(): Promise<void> {
    if (this.#sampler !== null) clearInterval(this.#sampler);
    this.#crowd?.leave();
    await this.#rig?.remove();
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }

  #sample(): void {
    const { accepted, received, missing } = this.journal;
    this.#samples.push({
      atMs: performance.now() - this.#startedMs,
      accepted,
      received,
      missing,
      connected: this.#crowd?.connected ?? 0,
      memoryBytes: this.#memory(),
    });
  }

  /** Everything that arrived has been confirmed, and has left the store. */
  async confirmed(text: string): Promise<void> {
    const masters = await this.#mustRig().masters();
    if (masters.length === 0) return;
    const inUse = () => mailboxesInUse(masters);
    const empty = await this.until(async () => (await inUse()).length === 0, CONFIRMED_WITHIN_MS);
    const left = empty ? [] : await inUse();
    for (const inbox of left.slice(0, MAILBOXES_SHOWN)) this.#log(`  ${await mailboxIn(masters, inbox)}`);
    this.rule(text, empty, empty ? 'all' : `${left.length} are not`);
  }

  async #held(): Promise<number> {
    const held = await Promise.all(this.#mustRig().nodes.map((node) => node.heldBytes()));
    return held.reduce((a, b) => a + b, 0);
  }

  #memory(): number {
    return this.#mustRig().nodes.reduce((sum, node) => sum + node.residentBytes(), 0);
  }

  #mustRig(): Rig {
    if (this.#rig === null) throw new Error('a scenario begins with its rig');
    return this.#rig;
  }

  #mustCrowd(): Crowd {
    if (this.#crowd === null) throw new Error('a scenario needs its crowd');
    return this.#crowd;
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / (1024 * 1024));
}
