/** Just enough SVG for the plots of reports and documents: each picture is one string that needs no other file. */

const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'];

export function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? '#000';
}

export interface Picture {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** Where the title begins. */
  readonly left: number;
  readonly parts: readonly string[];
  readonly fontSize?: number;
}

export function picture({ title, width, height, left, parts, fontSize = 12 }: Picture): string {
  const head = `<text x="${left}" y="18" font-size="15" font-weight="600">${escaped(title)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="${fontSize}" role="img" aria-label="${escaped(title)}"><rect width="100%" height="100%" fill="#fff"/>
${[head, ...parts].join('\n')}
</svg>
`;
}

export interface Label {
  readonly x: number;
  readonly y: number;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly bold?: boolean;
}

export function label(content: string, { x, y, anchor = 'start', bold = false }: Label): string {
  const weight = bold ? ' font-weight="600"' : '';
  return `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}"${weight}>${escaped(content)}</text>`;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly fill: string;
}

export function box({ x, y, width, height, fill }: Box): string {
  return `<rect x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" fill="${fill}"/>`;
}

export interface Line {
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
  readonly stroke: string;
  readonly dashed?: boolean;
}

export function line({ from, to, stroke, dashed = false }: Line): string {
  const dash = dashed ? ' stroke-dasharray="5 4"' : '';
  return `<line x1="${short(from[0])}" y1="${short(from[1])}" x2="${short(to[0])}" y2="${short(to[1])}" stroke="${stroke}"${dash}/>`;
}

export function curve(points: readonly (readonly [x: number, y: number])[], stroke: string): string {
  const path = points.map(([x, y]) => `${short(x)},${short(y)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${stroke}" stroke-width="1.5"/>`;
}

/** A square of a series' colour and its name. */
export function legend(name: string, at: { readonly x: number; readonly y: number; readonly index: number }) {
  const { x, y, index } = at;
  const square = box({ x, y: y - 10, width: 11, height: 11, fill: colour(index) });
  return square + label(name, { x: x + 16, y });
}

export function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** A tenth of a pixel is enough, and keeps files small. */
function short(px: number): number {
  return Number(px.toFixed(1));
}
