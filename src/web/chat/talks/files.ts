import {
  blobSource,
  ClientError,
  type Conversation,
  type FileProgress,
  type FileTransfer,
} from '../../../client/index.ts';
import { previewOf } from '../../dom/preview.ts';
import type { KeptFiles } from '../../kept/files.ts';
import type { Entry, History } from '../../kept/history.ts';
import { readSettings } from '../../kept/settings.ts';
import { lasting, UNSENT } from './entries.ts';
import { wordsFor } from './words.ts';

/** What people who were accepted send is fetched by itself up to this size, in bytes. */
const BY_ITSELF_MAX = 4_194_304;

export interface FilesOptions {
  readonly history: History;
  readonly kept: KeptFiles;
  readonly onAdded: (code: string, entries: readonly Entry[]) => void;
  readonly onUpdated: (code: string, entry: Entry) => void;
  readonly onRenamed: (code: string, id: string, entry: Entry) => void;
  /** The file of this id has moved on. */
  readonly onMoved: (code: string, file: string) => void;
}

/** Files on their way, of all conversations. */
export class Files {
  readonly #options: FilesOptions;
  readonly #progress = new Map<string, FileProgress>();
  /** Their messages were deleted while they were on their way. */
  readonly #unwanted = new Set<string>();
  #unsent = 0;

  constructor(options: FilesOptions) {
    this.#options = options;
  }

  /** How far each is, by id: those that the SDK remembers. */
  get progress(): ReadonlyMap<string, FileProgress> {
    return this.#progress;
  }

  /** Goes on with what was on its way when the page was closed. */
  attach(conversation: Conversation): void {
    conversation.on('file', (progress) => this.#moved(conversation.code, progress));
    for (const progress of conversation.files) {
      this.#progress.set(progress.file, progress);
      if (isOver(progress)) {
        if (this.#entryOf(conversation.code, progress.file) === undefined) this.forget(progress.file);
        continue;
      }
      if (progress.direction === 'sending') void this.#resume(conversation, progress);
      else void this.#fetchAgain(conversation, progress);
    }
  }

  /** Offers a file: shown first, then read and sent. */
  async send(conversation: Conversation, file: File): Promise<void> {
    const { code } = conversation;
    const { history, kept, onAdded, onUpdated, onRenamed } = this.#options;
    const unsent = `${UNSENT}file-${Date.now()}-${this.#unsent++}`;
    const preview = await previewOf(file);
    const offer = { id: unsent, key: '', name: file.name, size: file.size, partBytes: 0, sha256: '' };
    const shown = preview === null ? offer : { ...offer, preview };
    const lasts = lasting(conversation);
    const about = { mine: true, text: file.name, atMs: Date.now(), mark: 'waiting', ...lasts } as const;
    const entry = { id: unsent, ...about };
    if (history.add(code, { ...entry, file: shown })) onAdded(code, [entry]);
    const { name } = readSettings();
    try {
      const sent = await conversation.sendFile(blobSource(file, file.name), {
        ...(preview === null ? {} : { preview }),
        ...(name === '' ? {} : { name }),
        ...lasts,
      });
      // For a page that is closed before it has arrived, and to look at it here.
      await kept.keep(sent.offer.id, file);
      this.#progress.set(sent.offer.id, sent.progress);
      const named = history.rename(code, unsent, sent.messageId, sent.offer);
      if (named !== null) onRenamed(code, unsent, named);
    } catch (cause) {
      const why = cause instanceof ClientError ? wordsFor(cause) : 'This browser could not read or keep it.';
      const failed = history.mark(code, unsent, 'failed', why);
      if (failed !== null) onUpdated(code, failed);
    }
  }

  /** A friend's file has been offered. */
  offered(conversation: Conversation, entry: Entry): void {
    if (entry.file !== undefined && entry.file.size <= BY_ITSELF_MAX) this.fetch(conversation, entry);
  }

  fetch(conversation: Conversation, { file }: Entry): void {
    if (file === undefined) return;
    void this.#options.kept.want(file.id);
    try {
      this.#finish(conversation.code, conversation.receiveFile(file.id, this.#options.kept.sink(file)));
    } catch (cause) {
      // The SDK remembers the newest 500 files of a person.
      if (!(cause instanceof ClientError)) throw cause;
    }
  }

  /** Its message was deleted here: so is what is kept of it, once it is not needed for sending. */
  forget(file: string, conversation?: Conversation): void {
    const progress = this.#progress.get(file);
    if (progress?.direction === 'receiving' && !isOver(progress)) conversation?.cancelFile(file);
    if (progress !== undefined && !isOver(progress) && progress.direction === 'sending')
      this.#unwanted.add(file);
    else void this.#options.kept.remove(file);
  }

  cancel(conversation: Conversation, file: string): void {
    conversation.cancelFile(file);
  }

  async #fetchAgain(conversation: Conversation, { file, state }: FileProgress): Promise<void> {
    if (state === 'waiting' && !(await this.#options.kept.isWanted(file))) return;
    const entry = this.#entryOf(conversation.code, file);
    if (entry !== undefined) this.fetch(conversation, entry);
  }

  async #resume(conversation: Conversation, { file, name }: FileProgress): Promise<void> {
    const blob = await this.#options.kept.get(file);
    if (blob === null) return;
    try {
      conversation.resumeFile(file, blobSource(blob, name));
    } catch (cause) {
      if (!(cause instanceof ClientError)) throw cause;
    }
  }

  #finish(code: string, transfer: FileTransfer): void {
    const { kept, onMoved } = this.#options;
    transfer.done
      .then(() => kept.finish(transfer.offer))
      .then(
        () => onMoved(code, transfer.offer.id),
        // The event `file` has said so.
        () => {},
      );
  }

  #moved(code: string, progress: FileProgress): void {
    this.#progress.set(progress.file, progress);
    if (isOver(progress) && this.#unwanted.delete(progress.file)) this.forget(progress.file);
    this.#options.onMoved(code, progress.file);
  }

  #entryOf(code: string, file: string): Entry | undefined {
    return this.#options.history.of(code).findLast((entry) => entry.file?.id === file);
  }
}

function isOver({ state }: FileProgress): boolean {
  return state === 'done' || state === 'cancelled' || state === 'failed';
}
