import type { Conversation, FileOffer, FileProgress } from '../../../client/index.ts';
import { DiskSink } from './disk-sink.ts';
import { partialPath, savedPath } from './saved-names.ts';

/** A file that has arrived. */
export interface SavedFile {
  readonly path: string;
  readonly offer: FileOffer;
}

/** Asks for a file, or goes on with it, and resolves once it has its name in the folder. */
export async function saveFile(
  conversation: Conversation,
  file: string,
  folder: string,
  onProgress: (progress: FileProgress) => void = () => {},
): Promise<SavedFile> {
  const about = conversation.files.find((each) => each.file === file && each.direction === 'receiving');
  const sink = await DiskSink.open(partialPath(folder, conversation.code, { id: file } as FileOffer));
  const off = conversation.on('file', (progress) => {
    if (progress.file === file) onProgress(progress);
  });
  const transfer = conversation.receiveFile(file, sink, { restart: sink.isNew });
  try {
    if (about !== undefined) onProgress(transfer.progress);
    await transfer.done;
    const path = await sink.finish(
      savedPath(folder, conversation.code, transfer.offer.name),
      transfer.offer.size,
    );
    return { path, offer: transfer.offer };
  } catch (error) {
    // The relay was closed: what is there is for the next time.
    if (transfer.progress.state === 'moving') await sink.close();
    else await sink.discard();
    throw error;
  } finally {
    off();
  }
}
