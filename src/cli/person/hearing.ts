import type { Relay } from '../../client/index.ts';
import { EXIT, UsageError } from '../command.ts';
import { asPerson } from './exit-codes.ts';
import { type Person, parsePerson } from './options.ts';

const POLICIES = ['anyone', 'known'] as const;

/** `keyrelay block CODE` */
export function block(args: readonly string[]): Promise<number> {
  return forCode('block', args, (relay, code) => relay.block(code));
}

/** `keyrelay unblock CODE` */
export function unblock(args: readonly string[]): Promise<number> {
  return forCode('unblock', args, (relay, code) => relay.unblock(code));
}

/** `keyrelay report CODE [REASON]` */
export async function report(args: readonly string[]): Promise<number> {
  const { person, positionals } = parsePerson(args, {});
  const [code, ...words] = positionals;
  if (code === undefined) throw new UsageError('report takes a code, and perhaps a reason');
  const reason = words.join(' ');
  return atRelay(person, async (relay) => {
    const messages = await relay.report(code, { reason });
    if (person.json) console.log(JSON.stringify({ report: code, messages }));
    else console.log(reportedWords(messages));
  });
}

/** What operators see of a report. */
export function reportedWords(messages: number): string {
  const many = messages === 1 ? 'the last message' : `the last ${messages} messages`;
  return (
    `Reported. The relay's operators see that ${many} came from them to you, when, how long each is, and your reason. ` +
    'They cannot read what was written, and the other learns nothing.'
  );
}

/** `keyrelay blocks` */
export async function blocks(args: readonly string[]): Promise<number> {
  const { person, positionals } = parsePerson(args, {});
  if (positionals.length > 0) throw new UsageError(`blocks takes no ${positionals[0]}`);
  return atRelay(person, async (relay) => {
    const codes = (await relay.blocks()).toSorted();
    for (const code of codes) console.log(person.json ? JSON.stringify({ code }) : code);
  });
}

/** `keyrelay policy anyone|known` */
export async function policy(args: readonly string[]): Promise<number> {
  const { person, positionals } = parsePerson(args, {});
  const [asked, ...more] = positionals;
  const accept = POLICIES.find((each) => each === asked);
  if (accept === undefined || more.length > 0) throw new UsageError('policy takes one word: anyone or known');
  return atRelay(person, async (relay) => {
    await relay.policy(accept);
    if (person.json) console.log(JSON.stringify({ policy: accept }));
  });
}

async function forCode(
  command: string,
  args: readonly string[],
  act: (relay: Relay, code: string) => Promise<void>,
): Promise<number> {
  const { person, positionals } = parsePerson(args, {});
  const [code, ...more] = positionals;
  if (code === undefined || more.length > 0) throw new UsageError(`${command} takes one code`);
  return atRelay(person, async (relay) => {
    await act(relay, code);
    if (person.json) console.log(JSON.stringify({ [command]: code }));
  });
}

function atRelay(person: Person, act: (relay: Relay) => Promise<void>): Promise<number> {
  return asPerson(async () => {
    const { connectAs } = await import('./account/connect.ts');
    const { relay, done } = await connectAs(person);
    try {
      await act(relay);
    } finally {
      await done();
    }
    return EXIT.ok;
  });
}
