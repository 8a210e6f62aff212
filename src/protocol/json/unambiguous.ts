/** A string with its quotes, or one character of JSON's structure. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]/gs;

/**
 * Like `JSON.parse`, but throws if an object has two equal names (compared after unescaping) or the name `__proto__`: of
 * equal names other parsers keep the first and `JSON.parse` the last, so one signed text would have two meanings. For what
 * peers say to each other, of any depth and in browsers; what a relay takes is read by `json.ts`.
 */
export function parseUnambiguous(text: string): unknown {
  const value: unknown = JSON.parse(text);
  /** For each open object its names; null for an array. */
  const open: (Set<string> | null)[] = [];
  let nameNext = false;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : null);
    else if (token === '}' || token === ']') open.pop();
    else if (nameNext && token !== ',' && token !== ':') addName(open.at(-1), JSON.parse(token));
    nameNext = token === '{' || (token === ',' && open.at(-1) instanceof Set);
  }
  return value;
}

function addName(names: Set<string> | null | undefined, name: string): void {
  if (names?.has(name) || name === '__proto__') throw new SyntaxError('An object has an ambiguous name.');
  names?.add(name);
}
