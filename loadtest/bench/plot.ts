/** Two plots in plain SVG: enough for a report that needs nothing else to be looked at. */

const WIDTH = 860;
const HEIGHT = 360;
const LEFT = 64;
const BOTTOM = 48;
const TOP = 44;
const RIGHT = 170;
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

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
  const grid = decades.map((value) => rule(y(value), `${Number(value.toPrecision(1))}`));
  const names = ticks.map((tick, index) => label(x(index), HEIGHT - BOTTOM + 18, tick));
  const paths = series.map(({ values: ys }, index) => {
    const points = ys.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    return `<polyline points="${points}" fill="none" stroke="${colour(index)}" stroke-width="2"/>`;
  });
  const legend = series.map(({ name }, index) => entry(index, name));
  return svg(title, [
    ...grid,
    ...names,
    ...paths,
    ...legend,
    label(LEFT, TOP - 8, yLabel),
    label((WIDTH - RIGHT + LEFT) / 2, HEIGHT - 8, xLabel),
  ]);
}

export interface Bars {
  readonly title: string;
  readonly yLabel: string;
  readonly names: readonly string[];
  readonly parts: readonly string[];
  /** For each name its parts, stacked. */
  readonly values: readonly (readonly number[])[];
  readonly mark: { readonly name: string; readonly value: number };
}

export function bars({ title, yLabel, names, parts, values, mark }: Bars): string {
  const sums = values.map((stack) => stack.reduce((a, b) => a + b, 0));
  const high = Math.max(...sums, mark.value) * 1.1;
  const y = (value: number) => HEIGHT - BOTTOM - (value / high) * (HEIGHT - TOP - BOTTOM);
  const step = (WIDTH - LEFT - RIGHT) / Math.max(1, names.length);
  const stacks = values.flatMap((stack, at) => {
    let below = 0;
    return stack.map((value, part) => {
      const rect = `<rect x="${LEFT + at * step + step * 0.15}" y="${y(below + value)}" width="${step * 0.7}" height="${y(below) - y(below + value)}" fill="${colour(part)}"/>`;
      below += value;
      return rect;
    });
  });
  const ticks = [0, high / 4, high / 2, (high * 3) / 4].map((value) => rule(y(value), value.toFixed(0)));
  // What stands behind a comma goes below it: names are longer than bars are wide.
  const captions = names.flatMap((name, at) =>
    name
      .split(', ')
      .map((part, below) => label(LEFT + (at + 0.5) * step, HEIGHT - BOTTOM + 15 + below * 14, part)),
  );
  const line = `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(mark.value)}" y2="${y(mark.value)}" stroke="#000" stroke-dasharray="5 4"/>`;
  const legend = [...parts, `- - ${mark.name}`].map((name, index) => entry(index, name));
  return svg(title, [...ticks, ...stacks, line, ...captions, ...legend, label(LEFT, TOP - 8, yLabel)]);
}

function svg(title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui" font-size="12" role="img" aria-label="${title}"><rect width="100%" height="100%" fill="#fff"/><text x="${LEFT}" y="18" font-size="15" font-weight="600">${title}</text>${parts.join('')}</svg>\n`;
}

function rule(y: number, text: string): string {
  return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke="#ddd"/><text x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${text}</text>`;
}

function label(x: number, y: number, text: string): string {
  return `<text x="${x}" y="${y}" text-anchor="middle">${text}</text>`;
}

function entry(index: number, name: string): string {
  const y = TOP + index * 20;
  return `<rect x="${WIDTH - RIGHT + 14}" y="${y}" width="12" height="12" fill="${colour(index)}"/><text x="${WIDTH - RIGHT + 32}" y="${y + 11}">${name}</text>`;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#000';
}
