import { EXIT, UsageError } from '../command.ts';
import { asPerson } from './exit-codes.ts';
import { parsePerson, positiveNumber } from './options.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, { count: { type: 'string', default: '5' } });
  if (positionals.length > 0) throw new UsageError(`ping takes no ${positionals[0]}`);
  const count = positiveNumber('count', values.count, 1_000);
  return asPerson(async () => {
    const { pingRelay } = await import('./ping-relay.ts');
    await pingRelay(person, count);
    return EXIT.ok;
  });
}
