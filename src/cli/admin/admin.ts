import { parseArgs } from 'node:util';
import { EXIT, UsageError } from '../command.ts';
import { ACTIONS, type Action, type Values } from './actions.ts';
import { ask, Refused, type Request } from './ask.ts';

/** Rows of a list that are printed unless --limit says otherwise. */
const LIMIT = 1_000;

/** Runs one command of an operator by the admin API. */
export async function run(args: readonly string[]): Promise<number> {
  const name = [args.slice(0, 2).join(' '), args[0] ?? ''].find((words) => Object.hasOwn(ACTIONS, words));
  const action = name === undefined ? undefined : ACTIONS[name];
  if (name === undefined || action === undefined) {
    throw new UsageError(`admin takes one of: ${Object.keys(ACTIONS).join(', ')}`);
  }
  const { values, positionals } = parseAction(name, action, args.slice(name.split(' ').length));
  const request = action.request(positionals, values);
  if ('answer' in request) {
    print(request.answer, values);
    return EXIT.ok;
  }
  const changes = request.method !== 'GET';
  const reason = values.reason === undefined ? {} : { reason: values.reason };
  if (!changes && values.reason !== undefined)
    throw new UsageError(`${name} changes nothing: leave --reason`);
  try {
    if (changes) show(await ask({ ...request, query: { ...request.query, ...reason } }), action, values);
    else await showAll(request, values);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(`keyrelay: ${error.message}`);
    return EXIT.failed;
  }
}

function parseAction(
  name: string,
  { positionals: wanted = [], options = {} }: Action,
  args: readonly string[],
): { values: Values & { readonly json?: string }; positionals: readonly string[] } {
  const text = { type: 'string' } as const;
  const own = Object.fromEntries(Object.keys(options).map((option) => [option, text]));
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { ...own, reason: text, limit: text, json: { type: 'boolean' } },
      allowPositionals: true,
      strict: true,
    });
    if (positionals.length !== wanted.length) {
      throw new UsageError(`keyrelay admin ${name}${wanted.map((each) => ` ${each}`).join('')}`);
    }
    const { json, ...texts } = values as Record<string, string | boolean | undefined>;
    return { values: { ...(texts as Values), ...(json === true ? { json: 'yes' } : {}) }, positionals };
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** A list page by page, or one thing. */
async function showAll(request: Request, values: Values): Promise<void> {
  const limit = values.limit === undefined ? LIMIT : Number(values.limit);
  if (!Number.isInteger(limit) || limit < 1) throw new UsageError(`--limit is a number, not ${values.limit}`);
  let shown = 0;
  let after: string | null = null;
  do {
    const query: Record<string, string> = after === null ? {} : { after };
    const answer = await ask({ ...request, query: { ...request.query, ...query } });
    const { items, next = null } = answer as { items?: readonly object[]; next?: string | null };
    if (items === undefined) return print(answer as object, values);
    const rows = items.slice(0, limit - shown);
    if (values.json === undefined) printTable(rows, shown === 0);
    else for (const row of rows) console.log(JSON.stringify(row));
    shown += rows.length;
    after = next;
  } while (after !== null && shown < limit);
  if (after !== null) console.error(`The first ${limit}; --limit N shows more.`);
  if (shown === 0 && values.json === undefined) console.error('None.');
}

function show(answer: unknown, { done = 'done' }: Action, values: Values): void {
  if (answer !== null) print(answer as object, values);
  else console.log(values.json === undefined ? done : JSON.stringify({ done: true }));
}

function print(answer: object, { json }: Values): void {
  if (json !== undefined) {
    console.log(JSON.stringify(answer));
    return;
  }
  const entries = Object.entries(answer);
  const width = Math.max(...entries.map(([name]) => name.length));
  for (const [name, value] of entries) console.log(`${name.padEnd(width)}  ${plain(value)}`);
}

function printTable(rows: readonly object[], withHead: boolean): void {
  const [first] = rows;
  if (first === undefined) return;
  const names = Object.keys(first);
  const lines = rows.map((row) => Object.values(row).map(plain));
  const widths = names.map((name, i) => Math.max(name.length, ...lines.map((line) => line[i]?.length ?? 0)));
  const line = (words: readonly string[]) =>
    words
      .map((word, i) => word.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  if (withHead) console.log(line(names));
  for (const words of lines) console.log(line(words));
}

/** What users named themselves may hold anything: no control characters reach the terminal. */
function plain(value: unknown): string {
  if (Array.isArray(value)) return `${value.length}`;
  const text =
    typeof value === 'object' && value !== null
      ? Object.entries(value)
          .map(([name, part]) => `${name} ${part}`)
          .join(', ')
      : `${value ?? '-'}`;
  return text.replace(/\p{Cc}/gu, '\u{fffd}');
}
