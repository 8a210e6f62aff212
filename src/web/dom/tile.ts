import { make, svgPath } from './dom.ts';

const SIDE = 5;
const HUES = 12;

/**
 * A face for a key: a mirrored pattern of 5 by 5 in one of twelve colours. It helps to tell people apart; only the safety
 * number proves a key.
 */
export function tile(key: string): HTMLSpanElement {
  const bits = hash(key);
  let path = '';
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const mirrored = Math.min(column, SIDE - 1 - column);
      if (((bits >>> (row * 3 + mirrored)) & 1) === 1) path += `M${column + 1.5} ${row + 1.5}h1v1h-1z`;
    }
  }
  const face = make('span', { class: `tile hue-${(bits >>> 16) % HUES}` }, svgPath(SIDE + 3, path));
  face.setAttribute('aria-hidden', 'true');
  return face;
}

/** FNV-1a with a last mix: spreads keys over patterns, and needs no more. */
function hash(text: string): number {
  let mixed = 0x811c9dc5;
  for (const character of text) mixed = Math.imul(mixed ^ (character.codePointAt(0) ?? 0), 0x01000193);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
