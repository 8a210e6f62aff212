/**
 * Fills what stands between `<!-- figures: NAME -->` and `<!-- end -->` in a page. Figures are never typed: a page
 * says where they go.
 */
export function fillBlocks(page: string, blocks: Readonly<Record<string, () => string>>): string {
  return page.replaceAll(
    /(<!-- figures: ([a-z-]+) -->)[\s\S]*?(<!-- end -->)/g,
    (_, open: string, name: string, close: string) => {
      const block = blocks[name];
      if (block === undefined)
        throw new Error(`there is no block ${name}, only ${Object.keys(blocks).join(', ')}`);
      return `${open}\n\n${block().trim()}\n\n${close}`;
    },
  );
}

export type Cell = string | number;

export function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Three figures that count, with commas: 12,300; 48.1; 0.123. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(Number(value.toPrecision(3))).toLocaleString('en-US');
  return `${Number(value.toPrecision(3))}`;
}

/** From the least to the most. */
export function range(values: readonly number[]): string {
  if (values.length < 2) return 'one run';
  return `${figure(Math.min(...values))} – ${figure(Math.max(...values))}`;
}
