import { join } from 'node:path';
import type { FileOffer } from '../../../client/index.ts';

/** Where a finished file goes. The SDK has made a safe name of what the sender wrote; some signs mean more to shells. */
export function savedPath(folder: string, from: string, name: string): string {
  return join(folder, `${from}-${name.replaceAll(/[^\p{L}\p{N} ._()-]/gu, '_')}`);
}

/** Where its parts are put together: named by its id, so that the same name may come twice at once. */
export function partialPath(folder: string, from: string, { id }: FileOffer): string {
  return join(folder, `.${from}-${id}.part`);
}
