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
  /** Both sides should delete the message: the recipient so many seconds after it was read, the sender after it was sent. */
  readonly expiresS?: number;
  /** This message sets after how long those behind it disappear. */
  readonly timer?: Timer;
  /** A file comes with it: its body is a caption, or the file's name. */
  readonly file?: FileOffer;
}

export interface Timer {
  /** 0: they do not. */
  readonly seconds: number;
  /** One more than the highest that its sender knew: the higher one holds. */
  readonly revision: number;
}

const NAME_CHARACTERS_MAX = 64;
const ID_CHARACTERS_MAX = 64;
/** A year. */
export const EXPIRES_S_MAX = 31_536_000;
const REVISION_MAX = 4_294_967_296;

/** The members as they are written into the plaintext. */
export function writeExtras({ name, replyTo, expiresS, timer, file }: MessageExtras): object {
  return {
    ...(name === undefined ? {} : { name }),
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
    ...(expiresS === undefined ? {} : { expires_s: expiresS }),
    ...(timer === undefined ? {} : { timer: { seconds: timer.seconds, revision: timer.revision } }),
    ...(file === undefined ? {} : { file: writeOffer(file) }),
  };
}

/** Members that are not of the right kind count as absent: the message itself is still worth reading. */
export function readExtras(members: object): MessageExtras {
  const { name, reply_to: replyTo, expires_s: expiresS, timer, file } = members as Record<string, unknown>;
  const offer = readOffer(file);
  return {
    ...(isText(name, NAME_CHARACTERS_MAX) ? { name } : {}),
    ...(isText(replyTo, ID_CHARACTERS_MAX) ? { replyTo } : {}),
    ...(isWhole(expiresS, EXPIRES_S_MAX) ? { expiresS } : {}),
    ...(isTimer(timer) ? { timer: { seconds: timer.seconds, revision: timer.revision } } : {}),
    ...(offer === null ? {} : { file: offer }),
  };
}

function isTimer(value: unknown): value is Timer {
  const { seconds, revision } = (value ?? {}) as Record<string, unknown>;
  return (seconds === 0 || isWhole(seconds, EXPIRES_S_MAX)) && isWhole(revision, REVISION_MAX);
}

function isText(value: unknown, charactersMax: number): value is string {
  return (
    typeof value === 'string' && value !== '' && [...value].length <= charactersMax && !/\p{Cc}/u.test(value)
  );
}

function isWhole(value: unknown, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max;
}
