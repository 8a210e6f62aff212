/**
 * - `waiting`: the recipient has not asked for it yet
 * - `moving`: parts are on their way, as far as both are there
 * - `paused`: this side was restarted and needs its source or sink again (`resumeFile`, `receiveFile`)
 * - `done`: the recipient has all of it, and its digest is right
 * - `cancelled`: by either side
 * - `failed`: what came is not what was offered, or it could not be read or written
 */
export type FileState = 'waiting' | 'moving' | 'paused' | 'done' | 'cancelled' | 'failed';

export interface FileProgress {
  /** The offer's id. */
  readonly file: string;
  readonly name: string;
  /** Id of the message that it came with. */
  readonly message: string;
  readonly direction: 'sending' | 'receiving';
  readonly state: FileState;
  /** Bytes that the recipient has. */
  readonly bytes: number;
  readonly size: number;
  /** Of the whole file, hex. */
  readonly sha256: string;
}

/** Whether nothing will happen to it any more. */
export function isOver(state: FileState): boolean {
  return state === 'done' || state === 'cancelled' || state === 'failed';
}
