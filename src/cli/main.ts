#!/usr/bin/env node
import { ConfigError } from '../ops/settings/config-error.ts';
import { readVersion } from '../ops/version.ts';
import { EXIT, exitCodeOf, UsageError } from './command.ts';
import { COMMANDS, isCommand } from './commands.ts';
import { completion } from './completion.ts';
import { commandHelp, help, isTopic, shortHelp, TOPICS } from './help.ts';

const HELP = ['--help', '-h', 'help'];
const VERSION = ['--version', '-v'];

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined) {
    console.log(shortHelp());
    return EXIT.usage;
  }
  if (HELP.includes(name)) {
    console.log(await helpAbout(args[0]));
    return EXIT.ok;
  }
  if (name === 'completion') {
    console.log(completion(args[0]));
    return EXIT.ok;
  }
  if (VERSION.includes(name)) {
    console.log(readVersion());
    return EXIT.ok;
  }
  if (!isCommand(name)) {
    throw new UsageError(`unknown command ${name}: there are ${Object.keys(COMMANDS).join(', ')}`);
  }
  if (args.some((arg) => HELP.includes(arg))) {
    console.log(commandHelp(name));
    return EXIT.ok;
  }
  const { run } = await COMMANDS[name].load();
  return run(args);
}

async function helpAbout(topic: string | undefined): Promise<string> {
  if (topic === undefined) return help();
  if (isTopic(topic)) return TOPICS[topic]();
  if (isCommand(topic)) return commandHelp(topic);
  const known = [...Object.keys(TOPICS), ...Object.keys(COMMANDS)].join(', ');
  throw new UsageError(`there is no help about ${topic}, but about ${known}`);
}

function explain(error: unknown): number {
  if (error instanceof ConfigError) {
    const { mistakes } = error;
    console.error(`keyrelay: ${mistakes.length} invalid ${mistakes.length === 1 ? 'setting' : 'settings'}:`);
    for (const mistake of mistakes) console.error(`  ${mistake}`);
  } else {
    // Only the message: errors of Redis clients carry the command, and so what people wrote.
    console.error(`keyrelay: ${error instanceof Error ? error.message : String(error)}`);
    if (error instanceof UsageError) console.error('keyrelay --help lists commands and options.');
  }
  return exitCodeOf(error);
}

// `keyrelay ping | head -2`: a reader that has left is no failure. A node's log is not written this way.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok);
});
// Words for people: without a reader they are dropped.
process.stderr.on('error', () => {});

// Not `process.exitCode`: after a failure, a connection that is still open would keep the process for ever.
process.exit(await main(process.argv.slice(2)).catch(explain));
