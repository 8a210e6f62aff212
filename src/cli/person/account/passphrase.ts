import { closeSync, openSync, readFileSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { EXIT, UsageError } from '../../command.ts';

/**
 * The passphrase of the identity: KEYRELAY_PASSPHRASE, the first line of KEYRELAY_PASSPHRASE_FILE, or typed at the terminal
 * (also if standard input is a pipe). Null without any of the three.
 */
export async function askPassphrase(prompt: string): Promise<string | null> {
  const given = givenPassphrase();
  if (given !== null) return given;
  // Where a script has taken standard error, a question would go unseen, and the command would hang.
  if (!process.stderr.isTTY) return null;
  let terminal: number;
  try {
    terminal = openSync('/dev/tty', 'r+');
  } catch {
    return null;
  }
  const typed = await typeHidden(terminal, prompt);
  closeSync(terminal);
  return typed === '' ? null : typed;
}

/** The one that was given without asking anybody. */
export function givenPassphrase(): string | null {
  const { KEYRELAY_PASSPHRASE: given, KEYRELAY_PASSPHRASE_FILE: file } = process.env;
  if (given !== undefined && given !== '') return given;
  if (file === undefined || file === '') return null;
  const [line = ''] = readFileSync(file, 'utf8').split(/\r?\n/);
  if (line === '') throw new UsageError(`KEYRELAY_PASSPHRASE_FILE: the first line of ${file} is empty`);
  return line;
}

/** A line that does not appear while it is typed. */
function typeHidden(terminal: number, prompt: string): Promise<string> {
  const input = new ReadStream(terminal);
  process.stderr.write(prompt);
  input.setRawMode(true);
  return new Promise((resolve) => {
    let line = '';
    const end = () => {
      input.setRawMode(false);
      input.destroy();
      process.stderr.write('\n');
    };
    input.setEncoding('utf8').on('data', (chunk) => {
      for (const character of String(chunk)) {
        if (character === '\r' || character === '\n') {
          end();
          resolve(line);
          return;
        }
        // Ctrl-C: raw mode has switched off that the terminal makes a signal of it.
        if (character === '\u0003') {
          end();
          process.exit(EXIT.failed);
        }
        if (character === '\u007f' || character === '\b') line = [...line].slice(0, -1).join('');
        else if (character >= ' ') line += character;
      }
    });
  });
}
