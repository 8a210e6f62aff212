import { byId, icon, make } from '../dom/dom.ts';

const SHOWN_MAX = 80;
/** What the relay cannot read. Everything else it can. */
const SEALED = /"ciphertext": "[^"]*"/g;
const LONG = 160;

/** What a frame is for, in a sentence, by its type. */
const MEANINGS: Readonly<Record<string, string>> = {
  challenge:
    'The relay asks for a proof: sign this number, which is new each time, and the address that you dialled.',
  connect: 'You sign it: so the relay knows that you hold the key of this code. No password, no cookie.',
  connect_ack: 'You are in. This is what waits for you, and what the relay allows.',
  drained: 'All that waited for you has been sent.',
  key_exchange:
    'A public key, made for this exchange alone. Both sides compute the same secret from it; the relay cannot.',
  key_exchange_ack: 'The other half. From here on, both have the secret.',
  message:
    'A word, or a receipt: the relay cannot tell which. It sees from whom, to whom, when, and how large.',
  accepted: 'The relay has stored the envelope, and will keep it until it is fetched.',
  ack: 'You have stored what came, so the relay may forget it.',
  error: 'The relay refuses something, and says why.',
  heartbeat: 'An envelope to yourself: if the relay answers, the line is alive.',
};

/** Shows the frames of this connection as they pass, so that one can see what a relay sees. */
export class WirePanel {
  readonly #panel = byId('wire', HTMLElement);
  readonly #toggle = byId('wire-toggle', HTMLButtonElement);
  readonly #frames = byId('frames', HTMLOListElement);
  readonly #own: () => string | null;

  constructor(own: () => string | null) {
    this.#own = own;
    this.#toggle.addEventListener('click', () => this.#show(this.#panel.hidden === true));
    byId('wire-close', HTMLButtonElement).addEventListener('click', () => this.#show(false));
    this.#panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.#show(false);
    });
  }

  add(direction: 'sent' | 'received', text: string): void {
    const arrow = icon(direction === 'sent' ? 'up' : 'down');
    arrow.classList.add(direction);
    const type = typeOf(text);
    const size = make('span', { class: 'size', text: `${new TextEncoder().encode(text).length} bytes` });
    const summary = make(
      'summary',
      {},
      arrow,
      make('span', { text: this.#describe(direction, text, type) }),
      size,
    );
    const details = make('details', { class: 'frame' }, summary);
    // Written out only when somebody looks.
    details.addEventListener('toggle', () => {
      if (details.open && details.childElementCount === 1) {
        const meaning = MEANINGS[type];
        if (meaning !== undefined) details.append(make('p', { text: meaning }));
        details.append(writeOut(text));
      }
    });
    this.#frames.prepend(make('li', {}, details));
    while (this.#frames.childElementCount > SHOWN_MAX) this.#frames.lastElementChild?.remove();
  }

  #show(shown: boolean): void {
    this.#panel.hidden = !shown;
    this.#toggle.setAttribute('aria-expanded', String(shown));
    if (shown) byId('wire-close', HTMLButtonElement).focus();
    else this.#toggle.focus();
  }

  #describe(direction: 'sent' | 'received', text: string, type: string): string {
    const { data } = JSON.parse(text) as { data?: { sender: string; recipient?: string } };
    const name = (code: string | undefined) => {
      if (code === 'server' || code === undefined) return 'relay';
      return code === this.#own() ? 'you' : code;
    };
    return direction === 'sent'
      ? `${type} to ${name(data?.recipient)}`
      : `${type} from ${name(data?.sender)}`;
  }
}

function typeOf(text: string): string {
  const { data } = JSON.parse(text) as { data?: { message: { type: string } } };
  return data?.message.type ?? 'ack';
}

function writeOut(text: string): HTMLPreElement {
  const pretty = JSON.stringify(JSON.parse(text), null, 2);
  const pre = make('pre', {});
  pre.tabIndex = 0;
  let end = 0;
  for (const match of pretty.matchAll(SEALED)) {
    const sealed = match[0].length > LONG ? `${match[0].slice(0, LONG)}…"` : match[0];
    pre.append(pretty.slice(end, match.index), make('span', { class: 'sealed', text: sealed }));
    end = match.index + match[0].length;
  }
  pre.append(pretty.slice(end));
  return pre;
}
