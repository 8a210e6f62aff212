import { make } from '../../dom/dom.ts';

/** What stands in a conversation in which nothing was said; `onCompare` is null before their key is known. */
export function beginning(name: string, onCompare: (() => void) | null): HTMLElement {
  const lines = [
    `This is the beginning of your conversation with ${name}.`,
    'What you write is encrypted in this browser, and only they can decrypt it.',
    `If ${name} is away, it waits at the relay until they open keyrelay. You have not compared your safety numbers yet.`,
  ];
  const shown = make('div', { class: 'beginning' }, ...lines.map((text) => make('p', { text })));
  if (onCompare !== null) {
    const compare = make('button', { class: 'quiet', text: 'Compare the safety number' });
    compare.type = 'button';
    compare.addEventListener('click', onCompare);
    shown.append(compare);
  }
  return shown;
}
