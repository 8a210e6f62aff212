import type { FileProgress } from '../../../client/index.ts';
import { icon, make } from '../../dom/dom.ts';
import { isPicture } from '../../dom/preview.ts';
import { saveFile } from '../../dom/save-file.ts';
import type { Entry } from '../../kept/history.ts';

export interface FileActions {
  readonly progress: (file: string) => FileProgress | undefined;
  /** All of it, if it is here. */
  readonly get: (file: string) => Promise<Blob | null>;
  readonly onFetch: (entry: Entry) => void;
  readonly onCancel: (entry: Entry) => void;
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** Such as `1.4 MB`. */
export function sizeWords(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${UNITS[unit]}`;
}

/** A file inside its message: what it is, how far it is, and what can be done. */
export function fileCard(entry: Entry, actions: FileActions): HTMLElement | null {
  const { file } = entry;
  if (file === undefined) return null;
  const progress = actions.progress(file.id);
  const card = make('div', { class: 'file' });
  card.dataset.state = progress?.state ?? 'unknown';
  const picture = file.preview === undefined ? null : make('img', { class: 'file-picture' });
  if (picture !== null) {
    picture.src = file.preview ?? '';
    picture.alt = `Picture: ${file.name}`;
    card.append(picture);
  }
  const name = make('span', { class: 'file-name', text: file.name });
  name.dir = 'auto';
  const about = make('span', {
    class: 'hint',
    text: `${sizeWords(file.size)}${stateWords(entry, progress)}`,
  });
  card.append(
    make('div', { class: 'file-line' }, icon('file'), make('div', { class: 'file-text' }, name, about)),
  );
  const moving = progress !== undefined && (progress.state === 'moving' || progress.state === 'paused');
  if (moving) {
    const bar = make('progress');
    bar.max = Math.max(1, file.size);
    bar.value = progress.bytes;
    bar.setAttribute('aria-label', `Progress of ${file.name}`);
    card.append(bar);
  }
  const buttons = make('div', { class: 'row file-actions' });
  const button = (label: string, act: () => void) => {
    const made = make('button', { class: 'quiet', text: label });
    made.type = 'button';
    made.addEventListener('click', act);
    buttons.append(made);
  };
  if (!entry.mine && progress?.state === 'waiting') button('Fetch', () => actions.onFetch(entry));
  if (moving || (entry.mine && progress?.state === 'waiting'))
    button('Cancel', () => actions.onCancel(entry));
  if (progress === undefined || progress.state === 'done') {
    void actions.get(file.id).then((blob) => {
      if (blob === null) return;
      if (!entry.mine) button('Save', () => saveFile(file.name, blob));
      if (picture !== null && isPicture(blob.type)) showWhole(picture, blob);
    });
  }
  card.append(buttons);
  return card;
}

function stateWords({ mine, mark }: Entry, progress: FileProgress | undefined): string {
  if (mine && mark === 'failed') return '';
  switch (progress?.state) {
    case 'waiting':
      return mine ? ' · goes when they fetch it, while this page is open' : ' · not fetched yet';
    case 'moving':
      return ` · ${percent(progress)} %`;
    case 'paused':
      return ` · ${percent(progress)} %, stopped`;
    case 'cancelled':
      return ' · cancelled';
    case 'failed':
      return ' · failed';
    default:
      return '';
  }
}

function percent({ bytes, size }: FileProgress): number {
  return size === 0 ? 100 : Math.floor((bytes / size) * 100);
}

function showWhole(picture: HTMLImageElement, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  picture.onload = () => URL.revokeObjectURL(url);
  picture.src = url;
}
