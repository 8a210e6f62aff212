import { byId } from '../../dom/dom.ts';

/** Files to send: chosen, dropped on the conversation, or pasted. */
export class Attach {
  constructor(onFiles: (files: readonly File[]) => void) {
    const input = byId('file', HTMLInputElement);
    byId('attach', HTMLButtonElement).addEventListener('click', () => input.click());
    input.addEventListener('change', () => {
      onFiles([...(input.files ?? [])]);
      input.value = '';
    });
    const talk = byId('talk', HTMLElement);
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    talk.addEventListener('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      talk.dataset.drop = 'yes';
    });
    talk.addEventListener('dragleave', (event) => {
      if (event.relatedTarget instanceof Node && talk.contains(event.relatedTarget)) return;
      delete talk.dataset.drop;
    });
    talk.addEventListener('drop', (event) => {
      delete talk.dataset.drop;
      if (!hasFiles(event)) return;
      event.preventDefault();
      onFiles([...(event.dataTransfer?.files ?? [])]);
    });
    byId('text', HTMLTextAreaElement).addEventListener('paste', (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      onFiles(files);
    });
  }
}
