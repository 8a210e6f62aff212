import type { Setting } from '../ops/setting.ts';
import { SETTINGS } from '../ops/settings.ts';
import { COMMANDS, type CommandName } from './commands.ts';

const INDENT = '  ';
const WIDTH = 100;

/** `keyrelay --help`: the commands, and every setting. */
export function help(): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `${INDENT}${name.padEnd(10)}${summary}`,
  );
  return `keyrelay: a relay for signed, end-to-end encrypted envelopes

Usage: keyrelay <command> [options]

${commands.join('\n')}

${INDENT}--help, -h     this text; after a command, the help of that command
${INDENT}--version, -v

Settings of a relay are environment variables. Mistakes are listed all at once, and end it with exit code 2.

${Object.values(SETTINGS).map(describe).join('\n')}

Exit codes: 0 done, 1 failed, 2 wrong command line or settings.
`;
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
