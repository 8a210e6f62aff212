import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { ClientError } from '../../../client/errors.ts';
import { EXIT, UsageError } from '../../command.ts';
import { asPerson } from '../exit-codes.ts';
import { plainName } from '../files/saved-names.ts';
import { formatBytes } from '../files/units.ts';
import { parsePerson, positiveNumber } from '../options.ts';
import { TimeLimit } from '../time-limit.ts';
import { readTransferCode } from './transfer-code.ts';
import type { Listed } from './word.ts';

export async function run(args: readonly string[]): Promise<number> {
  const { person, values, positionals } = parsePerson(args, {
    into: { type: 'string', default: '.' },
    yes: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '60' },
    invite: { type: 'string' },
  });
  const limit = new TimeLimit(positiveNumber('timeout', values.timeout) * 1000);
  const asks = process.stdin.isTTY === true;
  if (!asks && positionals.length === 0)
    throw new UsageError('receive takes the code of keyrelay send: keyrelay receive E011T7D-ocean-lunar');
  if (!asks && !values.yes)
    throw new UsageError('receive asks before it writes: run it at a terminal, or with --yes');

  return asPerson(async () => {
    const typed = positionals.length > 0 ? positionals.join('-') : await ask('Code: ');
    const code = readTransferCode(typed);
    const consent = async (files: readonly Listed[]) => {
      if (values.yes) return true;
      const answer = await ask(`${describe(files)}\nReceive into ${resolve(values.into)}? [Y/n] `);
      return /^(y|yes|)$/i.test(answer.trim());
    };
    process.once('SIGINT', () => {
      limit.abort(new ClientError('cancelled', 'Interrupted. The same command goes on.'));
    });
    const { Recipient } = await import('./recipient.ts');
    const received = await new Recipient({
      person,
      code,
      into: values.into,
      limit,
      consent,
      invite: values.invite,
    }).receive();
    return received ? EXIT.ok : EXIT.failed;
  });
}

function describe(files: readonly Listed[]): string {
  return files
    .map(({ name, size, folder }) => `  ${plainName(name)}  ${folder ? 'folder, ' : ''}${formatBytes(size)}`)
    .join('\n');
}

async function ask(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  // Readline takes Ctrl-C for itself.
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}
