import { ClientError, type ClientErrorCode } from '../../client/errors.ts';
import { EXIT } from '../command.ts';

/** Beside those of every command. */
export const PERSON_EXIT = { unreachable: 3, unknownCode: 4, keyChanged: 5, inUse: 6 } as const;

const EXIT_OF: Partial<Record<ClientErrorCode, number>> = {
  unreachable: PERSON_EXIT.unreachable,
  aborted: PERSON_EXIT.unreachable,
  user_unknown: PERSON_EXIT.unknownCode,
  key_changed: PERSON_EXIT.keyChanged,
  displaced: PERSON_EXIT.inUse,
};

/** What the operating system says of files, in words; whatever else it says is shown as it is. */
const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EISDIR: 'this is a folder, not a file',
  ENOTDIR: 'a part of this path is a file, not a folder',
  EACCES: 'you may not open it',
  EPERM: 'you may not do that',
  ENOSPC: 'the disk is full',
  EROFS: 'this disk is read-only',
  EMFILE: 'too many files are open',
};

/** Runs a command, and turns what the SDK and the system throw into words and an exit code. */
export async function asPerson(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ClientError) {
      console.error(`keyrelay: ${error.message}`);
      return EXIT_OF[error.code] ?? EXIT.failed;
    }
    const words = systemWords(error);
    if (words === null) throw error;
    console.error(`keyrelay: ${words}`);
    return EXIT.failed;
  }
}

/** What the operating system has refused, such as `notes.pdf: there is no such file`; null for any other error. */
export function systemWords(error: unknown): string | null {
  const { code, path } = error as NodeJS.ErrnoException;
  const words = SYSTEM_ERRORS[code ?? ''];
  return words === undefined || path === undefined ? null : `${path}: ${words}`;
}
