import { ClientError } from '../../client/errors.ts';
import { readCode } from '../../protocol/codes.ts';
import { EXIT, UsageError } from '../command.ts';
import { asPerson } from './exit-codes.ts';
import { Payload, requireFile } from './files/payload.ts';
import { parsePerson, positiveNumber } from './options.ts';
import { TimeLimit } from './time-limit.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, {
    delivered: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '60' },
    file: { type: 'string', multiple: true, default: [] },
    name: { type: 'string' },
    invite: { type: 'string' },
  });
  const [first, ...rest] = positionals;
  // A file that is named like a code is written ./E011T7D.
  const code = first === undefined ? null : readCode(first);
  const files = [...(code === null ? positionals : rest), ...values.file];
  if (code === null && files.length === 0)
    throw new UsageError('send takes a CODE, FILES, or both: keyrelay send E011T7D notes.pdf');
  if (code !== null && values.invite !== undefined)
    throw new UsageError('--invite is for send without CODE: keyrelay identity --invite TOKEN lets you in');
  const limit = new TimeLimit(positiveNumber('timeout', values.timeout) * 1000);

  return asPerson(async () => {
    if (code === null && first !== undefined && first !== '-') await requireFile(first);
    const payload = await Payload.open(files, values.name);
    let interrupted = false;
    const onInterrupt = () => {
      interrupted = true;
      const words = 'Interrupted. What is there stays there; the same command goes on.';
      limit.abort(new ClientError('cancelled', words));
    };
    process.once('SIGINT', onInterrupt);
    try {
      if (code === null) {
        const { offerByCode } = await import('./by-code/offer.ts');
        await offerByCode({ person, payload, files, limit, invite: values.invite });
      } else {
        const { sendTo } = await import('./send-to.ts');
        await sendTo({ person, code, payload, untilDelivered: values.delivered, limit });
      }
      return EXIT.ok;
    } catch (error) {
      // The documented code of "not in time" is not that of a person who has ended it.
      if (!interrupted || !(error instanceof ClientError)) throw error;
      console.error(`keyrelay: ${error.message}`);
      return EXIT.failed;
    } finally {
      process.removeListener('SIGINT', onInterrupt);
      limit.pause();
      await payload.close();
    }
  });
}
