import { box, colour, curve, label, legend, line, picture } from './svg.ts';

const WIDTH = 860;
const HEIGHT = 360;
const LEFT = 64;
const BOTTOM = 48;
const TOP = 44;
const RIGHT = 170;
/** Room for the names of bars. */
const NAMES = 230;
const BAR = 28;

export interface Lines {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly ticks: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[] }[];
}

/** Lines over evenly spaced ticks, with a logarithmic y axis. */
export function lines({ title, xLabel, yLabel, ticks, series }: Lines): string {
  const values = series.flatMap((one) => one.values).filter((value) => value > 0);
  const low = 10 ** Math.floor(Math.log10(Math.min(...values, 1)));
  const high = 10 ** Math.ceil(Math.log10(Math.max(...values, 1)));
  const x = (index: number) => LEFT + (index / Math.max(1, ticks.length - 1)) * (WIDTH - LEFT - RIGHT);
  const share = (value: number) => Math.log(Math.max(value, low) / low) / Math.log(high / low || 10);
  const y = (value: number) => HEIGHT - BOTTOM - share(value) * (HEIGHT - TOP - BOTTOM);
  const decades: number[] = [];
  for (let value = low; value <= high * 1.001; value *= 10) decades.push(value);
  const parts = [
    ...decades.map((value) => rule(y(value), `${Number(value.toPrecision(1))}`)),
    ...ticks.map((tick, index) => label(tick, { x: x(index), y: HEIGHT - BOTTOM + 18, anchor: 'middle' })),
    ...series.map(({ values: ys }, index) =>
      curve(
        ys.map((value, at) => [x(at), y(value)] as const),
        colour(index),
      ),
    ),
    ...legends(series.map(({ name }) => name)),
    label(yLabel, { x: LEFT, y: TOP - 8 }),
    label(xLabel, { x: (WIDTH - RIGHT + LEFT) / 2, y: HEIGHT - 8, anchor: 'middle' }),
  ];
  return picture({ title, width: WIDTH, height: HEIGHT, left: LEFT, parts });
}

export interface Bars {
  readonly title: string;
  readonly unit: string;
  readonly names: readonly string[];
  readonly parts: readonly string[];
  /** For each name its parts, stacked. */
  readonly values: readonly (readonly number[])[];
  readonly mark: { readonly name: string; readonly value: number };
}

/** One stacked bar below the other, so that names have room. */
export function bars({ title, unit, names, parts, values, mark }: Bars): string {
  const sums = values.map((stack) => stack.reduce((a, b) => a + b, 0));
  const high = Math.max(...sums, mark.value) * 1.1;
  const height = TOP + names.length * BAR + 24;
  const x = (value: number) => NAMES + (value / high) * (WIDTH - NAMES - RIGHT);
  const rows = values.flatMap((stack, row) => {
    const y = TOP + row * BAR;
    let before = 0;
    const boxes = stack.map((value, part) => {
      const left = x(before);
      before += value;
      return box({ x: left, y: y + 3, width: x(before) - left, height: BAR - 6, fill: colour(part) });
    });
    const name = label(names[row] ?? '', { x: NAMES - 8, y: y + BAR / 2 + 4, anchor: 'end' });
    return [...boxes, name, label(digits(before), { x: x(before) + 6, y: y + BAR / 2 + 4 })];
  });
  const [from, to] = [[x(mark.value), TOP] as const, [x(mark.value), height - 20] as const];
  return picture({
    title,
    width: WIDTH,
    height,
    left: NAMES,
    parts: [
      ...rows,
      line({ from, to, stroke: '#000', dashed: true }),
      label(`${mark.name}: ${digits(mark.value)} ${unit}`, {
        x: x(mark.value),
        y: height - 6,
        anchor: 'middle',
      }),
      ...legends(parts),
      label(unit, { x: NAMES, y: TOP - 8 }),
    ],
  });
}

function digits(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : `${Number(value.toPrecision(2))}`;
}

function legends(names: readonly string[]): readonly string[] {
  return names.map((name, index) => legend(name, { x: WIDTH - RIGHT + 14, y: TOP + 10 + index * 20, index }));
}

function rule(y: number, text: string): string {
  const grid = line({ from: [LEFT, y], to: [WIDTH - RIGHT, y], stroke: '#ddd' });
  return grid + label(text, { x: LEFT - 8, y: y + 4, anchor: 'end' });
}
