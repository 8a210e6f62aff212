/** The element with this id, which index.html has. */
export function byId<E extends HTMLElement>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no #${id} of the right kind`);
  return found;
}

/** Makes an element; text is text, never markup. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  about: { readonly class?: string; readonly text?: string } = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  if (about.class !== undefined) element.className = about.class;
  if (about.text !== undefined) element.textContent = about.text;
  element.append(...children);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

/** One of the symbols of index.html: decoration, so that words have to stand beside it. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Words for people who cannot see the picture beside them. */
export function hiddenText(text: string): HTMLSpanElement {
  return make('span', { class: 'hidden', text });
}

export function svgPath(size: number, path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('shape-rendering', 'crispEdges');
  const drawing = document.createElementNS(SVG, 'path');
  drawing.setAttribute('d', path);
  drawing.setAttribute('fill', 'currentColor');
  svg.append(drawing);
  return svg;
}
