import { EXIT, parse, UsageError } from '../command.ts';
import { CASES } from './cases.ts';
import { Nonconforming, Target } from './peer.ts';

/** Plays every case against a relay, and prints by section of docs/protocol.md what it does not keep. */
export async function run(args: readonly string[]): Promise<number> {
  const { url, json } = parse(args, { url: { type: 'string' }, json: { type: 'boolean', default: false } });
  if (url === undefined || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError('conformance needs --url: the relay to test, such as http://127.0.0.1:8080');
  }
  let section = '';
  let failed = 0;
  for (const each of CASES) {
    const words = await failureOf(each.run, url);
    if (words !== null) failed += 1;
    if (json) {
      console.log(
        JSON.stringify({
          section: each.section,
          case: each.name,
          ok: words === null,
          ...(words && { words }),
        }),
      );
      continue;
    }
    if (each.section !== section) console.log(`\n${each.section}`);
    section = each.section;
    console.log(`  ${words === null ? 'ok  ' : 'FAIL'} ${each.name}`);
    if (words !== null) console.log(`       ${words}`);
  }
  if (!json) console.log(`\n${CASES.length - failed} of ${CASES.length} hold.`);
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

/** Null if it holds. */
async function failureOf(play: (target: Target) => Promise<void>, url: string): Promise<string | null> {
  const target = new Target(url);
  try {
    await play(target);
    return null;
  } catch (error) {
    if (error instanceof Nonconforming) return error.message;
    // The relay is away, or refused the upgrade: a failure of this case, and the next one may still tell something.
    const { message, cause } = error as Error;
    return cause instanceof Error ? `${message}: ${cause.message}` : message;
  } finally {
    target.close();
  }
}
