import { resolve } from 'node:path';
import type { Conversation, FileProgress, FileTransfer } from '../../../client/index.ts';
import type { TimeLimit } from '../time-limit.ts';
import type { DiskSource } from './disk-source.ts';
import { ProgressLine } from './progress-line.ts';
import type { SendingPaths } from './sending-paths.ts';
import { formatBytes } from './units.ts';

/** After so long without a part that arrives, the other is probably away. */
const AWAY_AFTER_MS = 3_000;

export interface SendFileOptions {
  readonly conversation: Conversation;
  readonly source: DiskSource;
  /** Null for what was piped in: nothing can go on with it later. */
  readonly path: string | null;
  readonly paths: SendingPaths;
  /** Wait until the other has it, also where it could wait at the relay. */
  readonly untilDelivered: boolean;
  /** The other knows of it and is there: no words about waiting. */
  readonly announced?: boolean;
  /** Ends it: no progress for too long, or Ctrl-C. */
  readonly limit: TimeLimit;
}

export interface FileOutcome {
  /** The file's id. */
  readonly file: string;
  /** Of the message that it came with. */
  readonly message: string;
  readonly sha256: string;
  /** The other has all of it; otherwise it waits at the relay. */
  readonly delivered: boolean;
}

/** Sends one file, or goes on with one that was begun, until the relay or the other has all of it. */
export async function sendOneFile(options: SendFileOptions): Promise<FileOutcome> {
  const { conversation, source, path, paths, untilDelivered, limit } = options;
  const begun = unfinished(conversation, source);
  const line = new ProgressLine(source.name);
  let reported = false;
  const onProgress = (progress: FileProgress) => {
    if (progress.file !== id || progress.bytes === 0) return;
    reported = true;
    limit.restart();
    line.update(progress.bytes, progress.size);
  };
  let id = begun?.file ?? '';
  const off = conversation.on('file', onProgress);
  try {
    let transfer: FileTransfer;
    let message: string;
    let stored: Promise<void> | null = null;
    if (begun === null) {
      const sent = await conversation.sendFile(source, { sha256: source.sha256 });
      transfer = sent;
      message = sent.messageId;
      if (sent.fitsMailbox) stored = sent.stored;
    } else {
      transfer = conversation.resumeFile(begun.file, source);
      message = begun.message;
      console.error(
        `${source.name}: going on, ${formatBytes(begun.bytes)} of ${formatBytes(begun.size)} were there`,
      );
    }
    id = transfer.offer.id;
    if (path !== null) await paths.add(id, resolve(path));
    const waits = stored !== null && !untilDelivered ? stored : transfer.done;
    const hint = setTimeout(() => {
      if (!reported && waits === transfer.done && !options.announced)
        console.error(awayWords(source, conversation, stored !== null, path));
    }, AWAY_AFTER_MS);
    try {
      await limit.unlessOver(waits);
    } finally {
      clearTimeout(hint);
    }
    line.end();
    const delivered = transfer.progress.state === 'done';
    if (delivered || waits === stored) await paths.remove(id);
    return { file: id, message, sha256: source.sha256, delivered };
  } finally {
    line.end();
    off();
  }
}

/** The same file to the same person, begun earlier and not arrived. */
function unfinished(conversation: Conversation, source: DiskSource): FileProgress | null {
  return (
    conversation.files.findLast(
      ({ direction, name, size, state, sha256 }) =>
        direction === 'sending' &&
        (state === 'waiting' || state === 'paused') &&
        name === source.name &&
        size === source.size &&
        sha256 === source.sha256,
    ) ?? null
  );
}

function awayWords(source: DiskSource, { code }: Conversation, fits: boolean, path: string | null): string {
  const size = formatBytes(source.size);
  if (fits) return `${code} is away: ${source.name} (${size}) waits at the relay.`;
  const later = path === null ? '' : ' Ctrl-C: keyrelay listen, or the same command later, goes on.';
  return (
    `${source.name} (${size}) is more than may wait at the relay. ${code} has been told of it, and it goes when ${code} ` +
    `asks for it, while this runs.${later}`
  );
}
