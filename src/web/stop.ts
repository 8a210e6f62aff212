import { byId } from './dom.ts';

/** Says why nothing goes on here, and offers the one thing to do about it. */
export function stop(
  why: { readonly title: string; readonly text: string; readonly action: string },
  act: () => void,
): void {
  const dialog = byId('stop', HTMLDialogElement);
  byId('stop-title', HTMLElement).textContent = why.title;
  byId('stop-text', HTMLElement).textContent = why.text;
  const button = byId('stop-go', HTMLButtonElement);
  button.textContent = why.action;
  button.onclick = () => {
    dialog.close();
    act();
  };
  // There is nothing behind it to go back to.
  dialog.oncancel = (event) => event.preventDefault();
  if (!dialog.open) dialog.showModal();
}
