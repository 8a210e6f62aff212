import { byId } from './dom.ts';
import { qrPicture } from './qr.ts';

const COPIED_MS = 1_600;

/** Shows this user's code: large, to copy, and as a QR code that opens this page with the code filled in. */
export function showOwnCode(code: string): void {
  byId('code', HTMLElement).textContent = code;
  const link = `${location.origin}/#${code}`;
  byId('qr', HTMLElement).replaceChildren(qrPicture(link));
  byId('qr-large-picture', HTMLElement).replaceChildren(qrPicture(link));
  byId('qr-large-code', HTMLElement).textContent = code;

  const copy = byId('copy', HTMLButtonElement);
  copy.disabled = false;
  copy.onclick = () => {
    // Only pages of secure origins have a clipboard.
    const copied = navigator.clipboard?.writeText(code) ?? Promise.reject(new Error('no clipboard'));
    copied.then(
      () => say(copy, 'Copied'),
      () => say(copy, 'Select it by hand'),
    );
  };
  const dialog = byId('qr-large', HTMLDialogElement);
  const show = byId('show-qr', HTMLButtonElement);
  show.disabled = false;
  show.onclick = () => dialog.showModal();
  byId('qr-close', HTMLButtonElement).onclick = () => dialog.close();
}

function say(button: HTMLButtonElement, text: string): void {
  button.textContent = text;
  setTimeout(() => {
    button.textContent = 'Copy';
  }, COPIED_MS);
}
