#!/usr/bin/env node
import { ConfigError } from '../ops/config.ts';
import { readVersion } from '../ops/version.ts';
import { EXIT, UsageError } from './command.ts';
import { COMMANDS, isCommand } from './commands.ts';
import { commandHelp, help } from './help.ts';

const HELP = ['--help', '-h', 'help'];
const VERSION = ['--version', '-v'];

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || HELP.includes(name)) {
    console.log(help());
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (VERSION.includes(name)) {
    console.log(readVersion());
    return EXIT.ok;
  }
  if (!isCommand(name)) {
    throw new UsageError(`there is no command ${name}: there are ${Object.keys(COMMANDS).join(', ')}`);
  }
  if (args.some((arg) => HELP.includes(arg))) {
    console.log(commandHelp(name));
    return EXIT.ok;
  }
  const { run } = await COMMANDS[name].load();
  return run(args);
}

function explain(error: unknown): number {
  if (error instanceof ConfigError) {
    console.error(`keyrelay: ${error.mistakes.length} of the settings cannot be:`);
    for (const mistake of error.mistakes) console.error(`  ${mistake}`);
    return EXIT.usage;
  }
  // Only the message: errors of Redis clients carry the command, and so what people wrote.
  console.error(`keyrelay: ${error instanceof Error ? error.message : String(error)}`);
  if (!(error instanceof UsageError)) return EXIT.failed;
  console.error('keyrelay --help says what there is.');
  return EXIT.usage;
}

// Not `process.exitCode`: after a failure, a connection that is still open would keep the process for ever.
process.exit(await main(process.argv.slice(2)).catch(explain));
