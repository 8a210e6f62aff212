import { EXIT, parse, UsageError } from '../../command.ts';
import { Report } from '../report.ts';
import type { ClientCase } from './case.ts';
import { CLIENT_CASES } from './cases/cases.ts';
import { Stage } from './stage.ts';

/** A code that no client gets here. */
const PARTNER = 'P000000';

const USAGE =
  'conformance client takes the command that starts the client, in which {url}, {state} and {peer} are replaced: ' +
  'keyrelay conformance client -- keyrelay chat {peer} --json --url {url} --identity {state}';

/** Cases that are played at once, each with a client of its own. */
const AT_ONCE = 4;

/** A client may back off for some seconds. */
const WAIT_MS = 30_000;

/** Plays every case against a client, and prints by section of docs/protocol.md what it does not keep. */
export async function runClient(args: readonly string[]): Promise<number> {
  const separator = args.indexOf('--');
  const command = separator < 0 ? [] : args.slice(separator + 1);
  if (command.length === 0) throw new UsageError(USAGE);
  const { json, only } = parse(args.slice(0, separator), {
    json: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  });
  const cases = CLIENT_CASES.filter(({ section, name }) => `${section}: ${name}`.includes(only));
  if (cases.length === 0) throw new UsageError(`no case has the words ${JSON.stringify(only)}`);
  const report = new Report(json);
  for (const [each, failure] of playAll(cases, command)) report.add(each, await failure);
  return report.end() ? EXIT.ok : EXIT.failed;
}

/** In the order of the cases, each with what came of it. */
function playAll(
  cases: readonly ClientCase[],
  command: readonly string[],
): ReadonlyArray<readonly [ClientCase, Promise<string | null>]> {
  const lanes: Promise<unknown>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
  return cases.map((each, index) => {
    const played = (lanes[index % AT_ONCE] ?? Promise.resolve()).then(() => failureOf(each, command));
    lanes[index % AT_ONCE] = played;
    return [each, played] as const;
  });
}

/** Null if the case holds, otherwise what the client did. Never rejects. */
export async function failureOf(
  { run, partner = PARTNER }: ClientCase,
  command: readonly string[],
  waitMs = WAIT_MS,
): Promise<string | null> {
  const stage = await Stage.open(command, partner, waitMs);
  try {
    await run(stage);
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await stage.stop();
  }
}
