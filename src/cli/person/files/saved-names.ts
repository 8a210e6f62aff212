import { join, parse } from 'node:path';

/** Where a file goes while it comes, and then. */
export interface Place {
  /** Named by the file's id, so that the same name may come twice at once. */
  readonly partial: string;
  /** The path for the name that the sender gave. */
  readonly pathOf: (name: string) => string;
}

/** For files of anybody: each name says who sent it. */
export function placeFrom(folder: string, from: string, file: string): Place {
  return {
    partial: join(folder, `.${from}-${file}.part`),
    pathOf: (name) => join(folder, `${from}-${plainName(name)}`),
  };
}

/** The SDK has made a safe name of what the sender wrote; some signs mean more to shells. */
export function plainName(name: string): string {
  return name.replaceAll(/[^\p{L}\p{N} ._()-]/gu, '_');
}

/** `notes.pdf` → `notes (2).pdf`. */
export function numbered(path: string, number: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name} (${number})${ext}`);
}
