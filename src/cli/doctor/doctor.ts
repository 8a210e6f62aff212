import { loadConfig } from '../../ops/settings/config.ts';
import { EXIT, parse } from '../command.ts';
import type { Finding } from './finding.ts';
import { examineFrontDoor, examineProxies } from './front-door.ts';
import { examineMachine } from './machine.ts';
import { examineRedis } from './redis.ts';

const MARKS = { good: 'good', poor: 'poor', bad: 'BAD ' } as const satisfies Record<
  Finding['verdict'],
  string
>;

/** Looks at what a node with these settings would find, and says what is wrong and what mends it. */
export async function run(args: readonly string[]): Promise<number> {
  parse(args, {});
  const config = loadConfig(process.env);
  const findings = [
    ...examineMachine(config),
    ...(await examineRedis(config)),
    ...examineProxies(config),
    ...(await examineFrontDoor(config)),
  ];
  for (const { verdict, says, mend } of findings) {
    console.log(`${MARKS[verdict]}  ${says}`);
    if (mend !== undefined) console.log(`      → ${mend}`);
  }
  const count = (verdict: Finding['verdict']) =>
    findings.filter((finding) => finding.verdict === verdict).length;
  console.log(`\n${count('good')} good, ${count('poor')} poor, ${count('bad')} bad`);
  return count('bad') > 0 ? EXIT.failed : EXIT.ok;
}
