import { ClientError } from '../../../client/errors.ts';
import type { Conversation, FileOffer, FileProgress } from '../../../client/index.ts';
import { DiskSink } from './disk-sink.ts';
import { digestOfFile } from './disk-source.ts';
import type { Place } from './saved-names.ts';

/** A file that has arrived. */
export interface SavedFile {
  readonly path: string;
  readonly offer: FileOffer;
}

/** Asks for a file, or goes on with it, and resolves once it has its name. */
export async function saveFile(
  conversation: Conversation,
  file: string,
  place: Place,
  onProgress: (progress: FileProgress) => void = () => {},
): Promise<SavedFile> {
  const sink = await DiskSink.open(place.partial);
  const off = conversation.on('file', (progress) => {
    if (progress.file === file) onProgress(progress);
  });
  const transfer = conversation.receiveFile(file, sink, { restart: sink.isNew });
  const { offer, progress } = transfer;
  try {
    onProgress(progress);
    // Ended after the file had its name, and before this was noted.
    if (progress.state === 'done' && sink.isNew) {
      await sink.discard();
      return { path: await alreadyThere(place.pathOf(offer.name), offer), offer };
    }
    await transfer.done;
    return { path: await sink.finish(place.pathOf(offer.name), offer.size), offer };
  } catch (error) {
    // The relay was closed: what is there is for the next time.
    if (transfer.progress.state === 'moving') await sink.close();
    else await sink.discard();
    throw error;
  } finally {
    off();
  }
}

async function alreadyThere(path: string, { name, sha256 }: FileOffer): Promise<string> {
  const digest = await digestOfFile(path).catch(() => null);
  if (digest === sha256) return path;
  throw new ClientError('file_failed', `${name} had arrived, and is not at ${path} any more.`);
}
