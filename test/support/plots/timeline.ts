import { colour, curve, label, legend, line, picture } from './svg.ts';

const WIDTH = 1_000;
const LEFT = 64;
const RIGHT = 20;
const TOP = 40;
const STRIP = 110;
const GAP = 44;
const MARK_ROWS = 9;
const MARK_ROW = 13;
const CHARACTER_PX = 6.5;
const TICKS_MAX = 12;

export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly atS: number; readonly value: number }[];
}

export interface Strip {
  readonly title: string;
  readonly unit: string;
  readonly curves: readonly Curve[];
}

export interface Timeline {
  readonly title: string;
  readonly seconds: number;
  readonly strips: readonly Strip[];
  /** What happened when: lines through all strips. */
  readonly marks?: readonly { readonly atS: number; readonly what: string }[];
}

/** Graphs one below the other over one axis of time, as a dashboard shows them. */
export function timeline({ title, seconds, strips, marks = [] }: Timeline): string {
  const top = TOP + Math.min(marks.length, MARK_ROWS) * MARK_ROW;
  const height = top + strips.length * (STRIP + GAP) + 20;
  const x = (atS: number) => LEFT + (atS / seconds) * (WIDTH - LEFT - RIGHT);
  const step = roundUp(seconds / TICKS_MAX);
  const ticks = Array.from({ length: Math.floor(seconds / step) + 1 }, (_, tick) => tick * step);
  return picture({
    title,
    width: WIDTH,
    height,
    left: LEFT,
    fontSize: 11,
    parts: [
      ...strips.map((strip, index) => drawStrip(strip, { top: top + index * (STRIP + GAP) + 20, x })),
      ...marks.flatMap(({ atS, what }, index) => {
        const y = TOP + (index % MARK_ROWS) * MARK_ROW;
        const through = line({ from: [x(atS), y], to: [x(atS), height - 20], stroke: '#e0a030' });
        return [through, label(what, { x: x(atS), y })];
      }),
      ...ticks.map((tick) => label(`${tick} s`, { x: x(tick), y: height - 6, anchor: 'middle' })),
    ],
  });
}

function drawStrip(strip: Strip, at: { readonly top: number; readonly x: (atS: number) => number }): string {
  const { top, x } = at;
  const known = strip.curves.map(({ name, points }) => ({
    name,
    points: points.filter(({ value }) => Number.isFinite(value)),
  }));
  const values = known.flatMap(({ points }) => points.map(({ value }) => value));
  const max = roundUp(values.reduce((a, b) => Math.max(a, b), 1e-9));
  const y = (value: number) => top + STRIP * (1 - value / max);
  const heading = `${strip.title}, ${strip.unit}`;
  let legendX = LEFT + 16 + CHARACTER_PX * heading.length;
  const legends = known.map(({ name }, index) => {
    const entry = legend(name, { x: legendX, y: top - 8, index });
    legendX += 30 + CHARACTER_PX * name.length;
    return entry;
  });
  return [
    label(heading, { x: LEFT, y: top - 8, bold: true }),
    ...(known.length > 1 ? legends : []),
    ...[0, 0.5, 1].map((share) => {
      const level = y(share * max);
      const grid = line({ from: [LEFT, level], to: [WIDTH - RIGHT, level], stroke: '#ddd' });
      const text = `${Number((share * max).toPrecision(3))}`;
      return grid + label(text, { x: LEFT - 6, y: level + 4, anchor: 'end' });
    }),
    ...known.map(({ points }, index) =>
      curve(
        points.map(({ atS, value }) => [x(atS), y(value)] as const),
        colour(index),
      ),
    ),
  ].join('\n');
}

/** 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}
