import { type FileOffer, readOffer, writeOffer } from '../files/offer.ts';

/**
 * What a message may carry beside its body: optional members of its plaintext, which older clients ignore. All of it is
 * the sender's claim.
 */
export interface MessageExtras {
  /** What the sender calls themselves: 1 to 64 characters. */
  readonly name?: string;
  /** Id of the message, of either side, that this one answers. */
  readonly replyTo?: string;
  /** Both sides should delete the message so many seconds after it was sent, or read. */
  readonly expiresS?: number;
  /** A file comes with it: its body is a caption, or the file's name. */
  readonly file?: FileOffer;
}

const NAME_CHARACTERS_MAX = 64;
const ID_CHARACTERS_MAX = 64;
/** A year. */
const EXPIRES_S_MAX = 31_536_000;

/** The members as they are written into the plaintext. */
export function writeExtras({ name, replyTo, expiresS, file }: MessageExtras): object {
  return {
    ...(name === undefined ? {} : { name }),
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
    ...(expiresS === undefined ? {} : { expires_s: expiresS }),
    ...(file === undefined ? {} : { file: writeOffer(file) }),
  };
}

/** Members that are not of the right kind count as absent: the message itself is still worth reading. */
export function readExtras(members: object): MessageExtras {
  const { name, reply_to: replyTo, expires_s: expiresS, file } = members as Record<string, unknown>;
  const offer = readOffer(file);
  return {
    ...(isText(name, NAME_CHARACTERS_MAX) ? { name } : {}),
    ...(isText(replyTo, ID_CHARACTERS_MAX) ? { replyTo } : {}),
    ...(isWhole(expiresS, EXPIRES_S_MAX) ? { expiresS } : {}),
    ...(offer === null ? {} : { file: offer }),
  };
}

function isText(value: unknown, charactersMax: number): value is string {
  return (
    typeof value === 'string' && value !== '' && [...value].length <= charactersMax && !/\p{Cc}/u.test(value)
  );
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}
