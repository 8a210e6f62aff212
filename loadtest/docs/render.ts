import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plots } from '../bench/report.ts';
import { peersPlot } from '../peers/report.ts';
import { fillBlocks } from './blocks.ts';
import { type Figures, readFigures } from './figures.ts';
import { fitModel } from './model.ts';
import { checksTable, errorsLine, modelTable, planTable } from './plan.ts';
import { TABLES } from './tables.ts';
import { targetsTable } from './targets.ts';

/** docs/performance.md, docs/scaling.md and their plots, from docs/figures. */
export function renderDocs(): void {
  const figures = readFigures('docs/figures');
  const tables = Object.entries(TABLES).map(([name, block]): [string, () => string] => [
    name,
    () => block(figures),
  ]);
  fillBlocks('docs/performance.md', { ...Object.fromEntries(tables), targets: () => targetsTable(figures) });
  const model = fitModel(figures);
  fillBlocks('docs/scaling.md', {
    model: () => modelTable(model),
    errors: () => errorsLine(model),
    checks: () => checksTable(model),
    plan: () => planTable(figures, model),
  });
  drawPlots(figures);
}

function drawPlots({ bench, peers }: Figures): void {
  const folder = 'docs/images';
  mkdirSync(folder, { recursive: true });
  for (const [name, svg] of Object.entries(plots(bench)))
    writeFileSync(join(folder, `bench-${name}.svg`), svg);
  writeFileSync(join(folder, 'peers-cost.svg'), peersPlot(peers));
}
