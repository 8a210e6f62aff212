import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plots } from '../bench/report.ts';
import { peersPlot } from '../peers/report.ts';
import { fillBlocks } from './blocks.ts';
import { type Figures, readFigures } from './figures.ts';
import { fitModel } from './model.ts';
import { checksTable, errorsLine, modelTable, planTable } from './plan.ts';
import { TABLES } from './tables.ts';
import { targetsTable } from './targets.ts';

const FIGURES = 'docs/figures';

/** The pages as they should be, by their paths. */
export function renderPages(): Readonly<Record<string, string>> {
  const figures = readFigures(FIGURES);
  const tables = Object.entries(TABLES).map(([name, block]): [string, () => string] => [
    name,
    () => block(figures),
  ]);
  const model = fitModel(figures);
  const blocks: Readonly<Record<string, () => string>> = {
    ...Object.fromEntries(tables),
    targets: () => targetsTable(figures),
    model: () => modelTable(model),
    errors: () => errorsLine(model),
    checks: () => checksTable(model),
    plan: () => planTable(figures, model),
  };
  const pages = ['docs/performance.md', 'docs/scaling.md'];
  return Object.fromEntries(pages.map((page) => [page, fillBlocks(readFileSync(page, 'utf8'), blocks)]));
}

/** docs/performance.md, docs/scaling.md and their plots, from docs/figures. */
export function renderDocs(): void {
  for (const [page, text] of Object.entries(renderPages())) writeFileSync(page, text);
  drawPlots(readFigures(FIGURES));
}

function drawPlots({ bench, peers }: Figures): void {
  const folder = 'docs/images';
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of Object.entries(plots(bench)))
    writeFileSync(join(folder, `bench-${name}.svg`), svg);
  writeFileSync(join(folder, 'peers-cost.svg'), peersPlot(peers));
}
