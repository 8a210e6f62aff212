import type { Curve } from './stage.ts';

export interface Strip {
  readonly title: string;
  /** Of the values shown, after scaling. */
  readonly unit: string;
  readonly scale: number;
  readonly curves: readonly { readonly name: string; readonly curve: Curve }[];
}

const WIDTH = 860;
const LEFT = 60;
const RIGHT = 20;
const TOP = 40;
const STRIP = 110;
const GAP = 46;
const COLORS = ['#2563eb', '#059669', '#d97706', '#9333ea', '#dc2626', '#475569'];

/** Graphs one below the other over one axis of time, as the dashboard shows them: a picture for docs/images. */
export function picture(title: string, seconds: number, strips: readonly Strip[]): string {
  const height = TOP + strips.length * (STRIP + GAP) + 20;
  const x = (atS: number) => LEFT + (atS / seconds) * (WIDTH - LEFT - RIGHT);
  const body = strips.map((strip, index) => drawStrip(strip, { top: TOP + index * (STRIP + GAP) + 20, x }));
  const ticks = Array.from({ length: Math.floor(seconds / 10) + 1 }, (_, tick) => tick * 10);
  const axis = ticks.map((tick) => text({ x: x(tick), y: height - 8, anchor: 'middle' }, `${tick} s`));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="11" role="img" aria-label="Three nodes restarted one after the other, under load">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="${LEFT}" y="24" font-size="15" font-weight="600" fill="#0f172a">${escaped(title)}</text>
${[...body, ...axis].join('\n')}
</svg>
`;
}

function drawStrip(strip: Strip, at: { readonly top: number; readonly x: (atS: number) => number }): string {
  const { top, x } = at;
  const values = strip.curves.flatMap(({ curve }) => curve.points.map(({ value }) => value * strip.scale));
  const max = roundUp(Math.max(1e-9, ...values.filter(Number.isFinite)));
  const y = (value: number) => top + STRIP - (Math.min(max, value * strip.scale) / max) * STRIP;
  const grid = [0, 0.5, 1].map((share) => {
    const level = top + STRIP - share * STRIP;
    const line = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${level}" y2="${level}" stroke="#e2e8f0"/>`;
    return (
      line + text({ x: LEFT - 6, y: level + 4, anchor: 'end' }, `${Number((share * max).toPrecision(3))}`)
    );
  });
  const lines = strip.curves.map(({ curve }, index) => {
    const points = curve.points
      .filter(({ value }) => Number.isFinite(value))
      .map(({ atS, value }) => `${x(atS).toFixed(1)},${y(value).toFixed(1)}`);
    const color = COLORS[index % COLORS.length];
    return `<polyline fill="none" stroke="${color}" stroke-width="1.5" points="${points.join(' ')}"/>`;
  });
  let legendX = LEFT + 8 + 6.5 * (strip.title.length + strip.unit.length + 4);
  const legend = strip.curves.map(({ name }, index) => {
    const color = COLORS[index % COLORS.length];
    const entry = `<circle cx="${legendX}" cy="${top - 12}" r="4" fill="${color}"/>${text({ x: legendX + 8, y: top - 8, anchor: 'start' }, name)}`;
    legendX += 26 + 6.5 * name.length;
    return entry;
  });
  const heading = `<text x="${LEFT}" y="${top - 8}" font-weight="600" fill="#0f172a">${escaped(strip.title)}, ${strip.unit}</text>`;
  return [heading, ...legend, ...grid, ...lines].join('\n');
}

function text(at: { x: number; y: number; anchor: string }, content: string): string {
  return `<text x="${at.x.toFixed(1)}" y="${at.y}" text-anchor="${at.anchor}" fill="#475569">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** 1, 2 or 5 times a power of ten. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}
