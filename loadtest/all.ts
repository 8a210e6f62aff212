/**
 * Everything in turns, one program after the other, each with its own progress and its own report in .cache.
 *
 *   node loadtest/run.mjs all.ts --plan full            an hour and more, 50,000 connections held among it
 *   node loadtest/run.mjs all.ts --plan docs --write    what docs/performance.md and docs/scaling.md show, then writes them
 *   node loadtest/run.mjs all.ts --write                writes them from docs/figures, without measuring
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Figures, lackOf, SOURCES } from './docs/figures.ts';
import { renderDocs } from './docs/render.ts';
import { say } from './support/say.ts';

type Turn = readonly [keyof Figures, string];

const HOLD = 'scale/main.ts connections --connections 50000 --hold 600 --talk 20 --rate 500 --name hold';
const MAILBOXES = 'scale/main.ts mailboxes --mailboxes 100000 --each 3';

const PLANS: Readonly<Record<string, readonly Turn[]>> = {
  full: [
    ['bench', 'bench/main.ts --runs 5 --seconds 10 --shares 0.1,0.25,0.5,0.75,0.9 --spread 1,2,3,4'],
    ['peers', 'peers/main.ts --runs 5 --seconds 4'],
    ['connections', 'scale/main.ts connections --runs 3'],
    ['shards', 'scale/main.ts shards --runs 3'],
    ['tried', 'micro/tried.ts --runs 5'],
    ['mailboxes', MAILBOXES],
    ['hold', HOLD],
  ],
  // What takes longest, hold and mailboxes, is not measured again: their figures stay.
  docs: [
    ['bench', 'bench/main.ts --runs 3 --seconds 6 --shares 0.1,0.25,0.5,0.75,0.9 --spread 1,2,3,4'],
    ['peers', 'peers/main.ts --runs 2 --seconds 2'],
    ['connections', 'scale/main.ts connections --runs 2 --hold 15 --talk 8'],
    ['shards', 'scale/main.ts shards --runs 3 --seconds 4'],
    ['tried', 'micro/tried.ts'],
  ],
  tiny: [
    ['bench', 'bench/main.ts --seconds 1 --shares 0.1,0.25,0.5,0.75,0.9 --spread 1,3'],
    ['peers', 'peers/main.ts --runs 1 --seconds 1 --rate 500'],
    ['connections', 'scale/main.ts connections --connections 500 --hold 3 --talk 2 --backlog 2000'],
    ['shards', 'scale/main.ts shards --seconds 1 --rate 300'],
    ['tried', 'micro/tried.ts --runs 1 --calls 4000'],
  ],
};

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    plan: { type: 'string' },
    /** Takes the figures over into docs/figures and fills the pages. */
    write: { type: 'boolean', default: false },
  },
});
const FIGURES = 'docs/figures';

const plan = values.plan === undefined ? [] : PLANS[values.plan];
if (plan === undefined) {
  console.error(`--plan ${values.plan}: there are ${Object.keys(PLANS).join(', ')}`);
  process.exitCode = 2;
} else {
  const turns = plan.map(([name, program], number) => takeTurn({ name, program, number }));
  if (values.write) write(turns.flatMap(({ name, reported }) => (reported ? [name] : [])));
  const failed = turns.filter(({ ended }) => !ended).map(({ name }) => name);
  if (failed.length > 0) {
    console.error(`ended with an error, or with envelopes missing: ${failed.join(', ')}`);
    process.exitCode = 1;
  }
}

interface Turned {
  readonly name: keyof Figures;
  readonly ended: boolean;
  /** It got as far as its report; one that counts lost envelopes does, and ends with an error all the same. */
  readonly reported: boolean;
}

function takeTurn(turn: { name: keyof Figures; program: string; number: number }): Turned {
  const { name, program, number } = turn;
  say(`${number + 1} of ${plan?.length}: ${name}, node loadtest/run.mjs ${program}`);
  const beganMs = Date.now();
  const { status } = spawnSync(process.execPath, ['loadtest/run.mjs', ...program.split(' ')], {
    stdio: 'inherit',
  });
  const report = join('.cache', SOURCES[name]);
  return { name, ended: status === 0, reported: existsSync(report) && statSync(report).mtimeMs >= beganMs };
}

function write(names: readonly (keyof Figures)[]): void {
  mkdirSync(FIGURES, { recursive: true });
  for (const name of names) {
    const report = join('.cache', SOURCES[name]);
    const lack = lackOf(report);
    if (lack === null) copyFileSync(report, join(FIGURES, `${name}.json`));
    else console.error(`${lack}; docs/figures keeps what it had`);
  }
  renderDocs();
  // As everything in the tree is laid out.
  if (existsSync('node_modules/.bin/biome'))
    spawnSync('node_modules/.bin/biome', ['format', '--write', FIGURES], { stdio: 'ignore' });
  say('docs/performance.md, docs/scaling.md and docs/images are written');
}
