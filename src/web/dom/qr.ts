import encodeQR from 'qr';
import { svgPath } from './dom.ts';

/** White modules around the code: the standard (ISO/IEC 18004) asks for four. */
const QUIET = 4;

/** A QR code as one SVG path, in the colour of the text. */
export function qrPicture(text: string): SVGSVGElement {
  const rows = encodeQR(text, 'raw', { border: QUIET });
  let path = '';
  for (const [row, modules] of rows.entries()) {
    for (const [column, dark] of modules.entries()) if (dark) path += `M${column} ${row}h1v1h-1z`;
  }
  return svgPath(rows.length, path);
}
