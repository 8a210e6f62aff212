/** The names of metrics in a PromQL expression: identifiers outside of strings, label lists and calls. */
export function metricNames(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\{[^}]*\}/g, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ')
    .replaceAll(/\b(by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const words = [...bare.matchAll(/[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()/g)].map(([word]) => word);
  return [...new Set(words.filter((word) => !OPERATORS.has(word)))];
}

const OPERATORS = new Set(['and', 'or', 'unless', 'bool', 'sum', 'offset']);

/** `record`, `alert` and `expr` of a file of rules, in order. The files keep to the shapes that this reads. */
export function readRules(
  yaml: string,
): { readonly name: string; readonly text: string; readonly expr: string }[] {
  return yaml
    .split(/^ {6}- (?=alert|record)/m)
    .slice(1)
    .map((text) => {
      const name = /^(?:alert|record): (\S+)$/m.exec(text)?.[1];
      const block = /^ {8}expr: \|\n((?: {10}.*\n)+)/m.exec(text)?.[1];
      const expr = block ?? /^ {8}expr: (.+)$/m.exec(text)?.[1];
      if (name === undefined || expr === undefined) throw new Error(`not a rule that can be read:\n${text}`);
      return { name, text, expr };
    });
}
