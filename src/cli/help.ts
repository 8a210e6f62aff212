import type { Setting } from '../ops/settings/setting.ts';
import { COMMANDS, type CommandName } from './commands.ts';

const INDENT = '  ';
const WIDTH = 100;

/** `keyrelay` alone: what one can do, in a few lines. */
export function shortHelp(): string {
  return `Usage: keyrelay <command> [options]

  keyrelay chat CODE          talk with another user; keyrelay identity shows your own code
  keyrelay send FILE          send files or folders; prints a code for
  keyrelay receive CODE       which receives them, at any other machine
  keyrelay serve              run a relay
  keyrelay help               everything else
`;
}

/** `keyrelay --help`: the commands, and every setting. */
export async function help(): Promise<string> {
  const commands = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `${INDENT}${name.padEnd(10)}${summary}`,
  );
  return `keyrelay: a relay for signed, end-to-end encrypted envelopes

Usage: keyrelay <command> [options]

${commands.join('\n')}

${INDENT}--help, -h     this text; after a command, the help of that command
${INDENT}help TOPIC     a command, or one of ${Object.keys(TOPICS).join(', ')}
${INDENT}completion     SHELL: prints what makes bash, zsh or fish complete commands and options
${INDENT}--version, -v

${await TOPICS.settings()}
${await TOPICS['exit-codes']()}`;
}

/** What `keyrelay help TOPIC` tells beside the commands. Loads the settings, and zod with them, only to list them. */
export const TOPICS = {
  settings: async () => {
    const { SETTINGS } = await import('../ops/settings/settings.ts');
    return `Settings of a relay are environment variables. All mistakes in them are reported at once, with exit code 2.

${Object.values(SETTINGS).map(describe).join('\n')}
`;
  },
  'exit-codes':
    async () => `Exit codes: 0 done, 1 failed, 2 a wrong command line or setting. Of identity, chat, send, listen and ping also:
3 the relay cannot be reached, or not in time; 4 no user has the code; 5 the other's key has changed; 6 another process
uses the same identity at this relay.
`,
} as const satisfies Record<string, () => Promise<string>>;

export function isTopic(name: string): name is keyof typeof TOPICS {
  return Object.hasOwn(TOPICS, name);
}

export function commandHelp(name: CommandName): string {
  const { summary, usage } = COMMANDS[name];
  return `keyrelay ${name}: ${summary}\n\n${usage}\n`;
}

function describe({ env, default: text, defaultMeans, unit, description }: Setting<unknown>): string {
  const shown = text === '' ? (defaultMeans ?? 'none') : `${text}${unit === undefined ? '' : ` ${unit}`}`;
  return `${INDENT}${env} (${shown})\n${wrap(description.replaceAll('`', ''), `${INDENT}${INDENT}${INDENT}`)}`;
}

function wrap(text: string, indent: string): string {
  const lines: string[] = [];
  let line = indent.slice(0, -1);
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = indent.slice(0, -1);
    }
    line += ` ${word}`;
  }
  return [...lines, line].join('\n');
}
