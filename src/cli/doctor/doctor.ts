import { EXIT, parse } from '../command.ts';
import type { Finding } from './finding.ts';

const MARKS = { good: 'good', poor: 'poor', bad: 'BAD ' } as const satisfies Record<
  Finding['verdict'],
  string
>;

/** Looks at what a node with these settings would find, and says what is wrong and what mends it. */
export async function run(args: readonly string[]): Promise<number> {
  parse(args, {});
  const { examine } = await import('./examine.ts');
  const findings = await examine();
  for (const { verdict, says, mend } of findings) {
    console.log(`${MARKS[verdict]}  ${says}`);
    if (mend !== undefined) console.log(`      → ${mend}`);
  }
  const count = (verdict: Finding['verdict']) =>
    findings.filter((finding) => finding.verdict === verdict).length;
  console.log(`\n${count('good')} good, ${count('poor')} poor, ${count('bad')} bad`);
  return count('bad') > 0 ? EXIT.failed : EXIT.ok;
}
