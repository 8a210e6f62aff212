import qrcode from 'qrcode-generator';
import { svgPath } from './dom.ts';

/** White modules around the code: the standard (ISO/IEC 18004) asks for four. */
const QUIET = 4;

/** A QR code as one SVG path, in the colour of the text. */
export function qrPicture(text: string): SVGSVGElement {
  const code = qrcode(0, 'M');
  code.addData(text);
  code.make();
  const count = code.getModuleCount();
  let path = '';
  for (let row = 0; row < count; row++) {
    for (let column = 0; column < count; column++) {
      if (code.isDark(row, column)) path += `M${column + QUIET} ${row + QUIET}h1v1h-1z`;
    }
  }
  return svgPath(count + 2 * QUIET, path);
}
