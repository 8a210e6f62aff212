import { createHash } from 'node:crypto';
import { safeFileName } from '../../../client/files/offer.ts';
import type { Json } from '../../../client/index.ts';
import { DiskSink } from './disk-sink.ts';
import { placeFrom } from './saved-names.ts';

/** One message of a file, as keyrelay sent them before files had a format of their own: parts come in order. */
interface LegacyPart {
  readonly file: string;
  /** From 1. */
  readonly part: number;
  readonly parts: number;
  readonly size: number;
  /** Of the whole file: only in the last part. */
  readonly sha256: string | null;
  /** Base64. */
  readonly data: string;
}

export function readLegacyPart(body: Json): LegacyPart | null {
  const { file, part, parts, size, data } = (body ?? {}) as Record<string, unknown>;
  const numbers = [part, parts, size].every((value) => Number.isSafeInteger(value) && Number(value) >= 0);
  return typeof file === 'string' && typeof data === 'string' && numbers
    ? (body as unknown as LegacyPart)
    : null;
}

/** Puts files together that come in the old way. */
export class LegacyFiles {
  readonly #folder: string;
  readonly #open = new Map<
    string,
    { next: number; offset: number; sink: DiskSink; digest: ReturnType<typeof createHash> }
  >();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The path of the finished file; null while parts are missing. Throws if it is not what was sent. */
  async take(from: string, part: LegacyPart): Promise<string | null> {
    const name = safeFileName(part.file);
    const id = createHash('sha256').update(name).digest('hex').slice(0, 32);
    const { partial, pathOf } = placeFrom(this.#folder, from, id);
    if (part.part === 1) {
      const sink = await DiskSink.open(partial);
      this.#open.set(partial, { next: 1, offset: 0, sink, digest: createHash('sha256') });
    }
    const state = this.#open.get(partial);
    if (state?.next !== part.part) throw new Error(`parts of ${name} from ${from} are missing`);
    const bytes = Buffer.from(part.data, 'base64');
    await state.sink.write(state.offset, bytes);
    state.digest.update(bytes);
    state.offset += bytes.length;
    state.next += 1;
    if (part.part < part.parts) return null;
    this.#open.delete(partial);
    if (state.digest.digest('hex') === part.sha256) {
      return state.sink.finish(pathOf(name), state.offset);
    }
    await state.sink.discard();
    throw new Error(`${name} from ${from} is not what was sent`);
  }
}
