import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { fillBlocks } from '../../../loadtest/docs/blocks.ts';
import { type Cost, costOf, fitCost } from '../../../loadtest/docs/model.ts';
import { renderPages } from '../../../loadtest/docs/render.ts';

describe('pages with measured figures', () => {
  test('say what docs/figures says: after a change, node loadtest/run.mjs all.ts --write', () => {
    for (const [page, text] of Object.entries(renderPages())) expect(readFileSync(page, 'utf8')).toBe(text);
  });

  test('a block without figures is an error', () => {
    expect(() => fillBlocks('<!-- figures: wishes -->\n<!-- end -->', {})).toThrow('no block wishes');
  });
});

describe('the model of an envelope’s cost', () => {
  const TRUE: Cost = { each: 1.5, wake: 8, apart: 2, shareRate: 400, rateMost: 5_000 };
  const points = [30, 80, 250, 700, 1900, 5000].flatMap((rate) =>
    [false, true].map((apart) => ({ rate, apart, cost: costOf(TRUE, { rate, apart }) })),
  );

  test('is found from costs that follow it', () => {
    const found = fitCost(points);
    for (const { rate, apart, cost } of points) {
      expect(costOf(found, { rate, apart }) / cost).toBeCloseTo(1, 2);
    }
    // Also where nothing was measured.
    expect(
      costOf(found, { rate: 1200, apart: true }) / costOf(TRUE, { rate: 1200, apart: true }),
    ).toBeCloseTo(1, 2);
  });

  test('promises nothing cheaper than was measured', () => {
    const found = fitCost(points);
    expect(costOf(found, { rate: 1e6, apart: false })).toBe(costOf(found, { rate: 5_000, apart: false }));
  });

  test('costs that do not follow it leave an error that can be seen', () => {
    const odd = points.map((point) => (point.rate === 250 ? { ...point, cost: point.cost * 3 } : point));
    const found = fitCost(odd);
    const worst = Math.max(...odd.map((point) => Math.abs(costOf(found, point) / point.cost - 1)));
    expect(worst).toBeGreaterThan(0.3);
  });
});
