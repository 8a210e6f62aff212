import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { create, extract } from 'tar';
import { type DiskSource, openSource } from './disk-source.ts';
import { numbered } from './saved-names.ts';

const TYPE = 'application/x-tar';

/** A folder as one file: a tar archive, the same for the same contents, so that it can be resumed. */
export async function openFolder(path: string): Promise<DiskSource> {
  const from = resolve(path);
  const temporary = await mkdtemp(join(tmpdir(), 'keyrelay-'));
  const name = `${basename(from)}.tar`;
  const file = join(temporary, name);
  const remove = () => rm(temporary, { recursive: true, force: true });
  try {
    // Links and devices stay here: at the other side they would point somewhere else.
    const filter = (_: string, about: { isFile?: () => boolean; isDirectory?: () => boolean }) =>
      about.isFile?.() === true || about.isDirectory?.() === true;
    await create({ file, cwd: dirname(from), portable: true, filter: filter as never }, [basename(from)]);
    const source = await openSource(file, name);
    const close = async () => {
      await source.close();
      await remove();
    };
    return { ...source, type: TYPE, close };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Unpacks such an archive beside it, under its name or the next that is free. Gives the folder's path. */
export async function unpackFolder(archive: string, into: string, name: string): Promise<string> {
  const unpacking = `${archive}.unpacked`;
  await rm(unpacking, { recursive: true, force: true });
  await mkdir(unpacking, { recursive: true });
  await extract({
    file: archive,
    cwd: unpacking,
    strip: 1,
    // A stranger has made it: nothing but files and folders, and the library keeps them inside.
    filter: (_, entry) => 'type' in entry && (entry.type === 'File' || entry.type === 'Directory'),
    preserveOwner: false,
  });
  for (let number = 1; ; number++) {
    const to = number === 1 ? join(into, name) : numbered(join(into, name), number);
    try {
      await rename(unpacking, to);
      return to;
    } catch (error) {
      if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(String((error as NodeJS.ErrnoException).code)))
        throw error;
    }
  }
}
