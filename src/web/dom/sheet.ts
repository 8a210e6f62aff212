import { byId } from './dom.ts';

/** A dialog that can always be closed: by its button, by Escape, by a click beside it. */
export function sheet(id: string): HTMLDialogElement {
  const dialog = byId(id, HTMLDialogElement);
  dialog.tabIndex = -1;
  for (const button of dialog.querySelectorAll<HTMLButtonElement>('[data-close]'))
    button.addEventListener('click', () => dialog.close());
  dialog.addEventListener('click', ({ target }) => {
    if (target === dialog) dialog.close();
  });
  return dialog;
}

export function openSheet(dialog: HTMLDialogElement): void {
  if (dialog.open) return;
  dialog.showModal();
  // Its first button may stand far below: reading begins at the top.
  dialog.focus();
  dialog.scrollTop = 0;
}
