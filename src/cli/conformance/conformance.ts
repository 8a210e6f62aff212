import { EXIT, parse, UsageError } from '../command.ts';
import { runClient } from './client/client.ts';
import { Nonconforming } from './peer.ts';
import { CASES } from './relay/cases.ts';
import { Report } from './report.ts';
import { Target } from './target.ts';

/** Plays every case against a relay, and prints by section of docs/protocol.md what it does not keep. */
export async function run(args: readonly string[]): Promise<number> {
  if (args[0] === 'client') return runClient(args.slice(1));
  const { url, json } = parse(args, { url: { type: 'string' }, json: { type: 'boolean', default: false } });
  if (url === undefined || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError('conformance needs --url: the relay to test, such as http://127.0.0.1:8080');
  }
  const report = new Report(json);
  for (const each of CASES) report.add(each, await failureOf(each.run, url));
  return report.end() ? EXIT.ok : EXIT.failed;
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
