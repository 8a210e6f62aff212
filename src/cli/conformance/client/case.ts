import { newKeys, signature } from '../peer.ts';
import type { Stage } from './stage.ts';

/** One rule of docs/protocol.md for clients, and how the program that plays both relay and partner sees whether it is kept. */
export interface ClientCase {
  readonly section: string;
  readonly name: string;
  /** The code of the partner, where the order of the two codes counts: the client's begins with M. */
  readonly partner?: string;
  /** Throws what the client did instead. */
  readonly run: (stage: Stage) => Promise<void>;
}

/** A frame that says what the partner could have said, but is signed with an unknown key. */
export function forged(data: string): string {
  return `{"data":${data},"signature":"${signature(newKeys(), data)}"}`;
}
