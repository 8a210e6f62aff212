import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClientError } from '../../../client/errors.ts';
import type { Conversation, FileOffer } from '../../../client/index.ts';
import { cpaceScalar } from '../../../crypto/cpace.ts';
import { connectAs } from '../account/connect.ts';
import { saveFile } from '../files/file-saver.ts';
import { unpackFolder } from '../files/folder.ts';
import { ProgressLine } from '../files/progress-line.ts';
import { plainName } from '../files/saved-names.ts';
import { formatBytes } from '../files/units.ts';
import type { Person } from '../options.ts';
import type { TimeLimit } from '../time-limit.ts';
import { Once } from './once.ts';
import { type Half, proofsOf, shareOf } from './proof.ts';
import { type TransferCode, writeTransferCode } from './transfer-code.ts';
import { type Listed, readWord, writeWord } from './word.ts';

/** What must survive of it. */
interface Receipt {
  /** Hex. */
  readonly scalar: string;
  /** Both have shown that they know the words. */
  readonly proven: boolean;
  /** What comes, once it is known and wanted. */
  readonly files: readonly Listed[] | null;
  /** Ids of the files that have their names. */
  readonly saved: readonly string[];
}

interface RecipientOptions {
  readonly person: Person;
  readonly code: TransferCode;
  readonly into: string;
  readonly limit: TimeLimit;
  readonly consent: (files: readonly Listed[]) => Promise<boolean>;
  /** See `ConnectOptions`. */
  readonly invite: string | undefined;
}

/** Proves that it knows the words of a transfer code, and saves what comes. */
export class Recipient {
  readonly #options: RecipientOptions;

  constructor(options: RecipientOptions) {
    this.#options = options;
  }

  /** Whether everything has come: false if the person does not want it. */
  async receive(): Promise<boolean> {
    const { person, code, limit, invite } = this.#options;
    const fresh: Receipt = {
      scalar: Buffer.from(cpaceScalar()).toString('hex'),
      proven: false,
      files: null,
      saved: [],
    };
    const once = await Once.open(person, ['receive', writeTransferCode(code)], fresh);
    limit.restart();
    const { relay, done, leave } = await connectAs(once.person, { signal: limit.signal, invite });
    try {
      const conversation = await relay.startConversation(code.user, { signal: limit.signal });
      const received = await limit.unlessOver(this.#talk(conversation, once));
      await leave();
      await once.remove();
      return received;
    } catch (error) {
      if (error instanceof CodeOver) {
        await leave(true);
        await once.remove();
      } else await done(true);
      throw error;
    } finally {
      limit.pause();
    }
  }

  async #talk(conversation: Conversation, once: Once<Receipt>): Promise<boolean> {
    const { code, limit, consent } = this.#options;
    const half: Half = { scalar: once.data.scalar, role: 'recipient' };
    const agreed = { words: code.words, safetyNumber: conversation.safetyNumber() };
    // Stored first: after a restart it must be the same, because another one would be another guess.
    await once.save({});
    if (!once.data.proven)
      await conversation.send(writeWord({ type: 'share', share: shareOf(half, agreed) }));
    // Begun before a restart.
    for (const { file: id, direction, state, ...offer } of conversation.files) {
      if (once.data.files === null || direction !== 'receiving' || state !== 'paused') continue;
      await this.#save(conversation, { id, ...offer }, once);
      if (once.data.saved.length === once.data.files.length) return true;
    }
    for await (const { body, file } of conversation) {
      limit.restart();
      if (file !== undefined && once.data.files !== null) {
        await this.#save(conversation, file, once);
        if (once.data.saved.length === once.data.files.length) return true;
        continue;
      }
      const word = readWord(body);
      if (word?.type === 'no') throw new CodeOver(WHY_NOT[word.why]);
      if (word?.type === 'answer' && !once.data.proven) {
        const proofs = proofsOf(half, word.share, agreed);
        if (proofs?.sender !== word.proof) {
          await conversation.send(writeWord({ type: 'no', why: 'wrong' }));
          throw new CodeOver(WHY_NOT.wrong);
        }
        await conversation.send(writeWord({ type: 'proof', proof: proofs.recipient }));
        await once.save({ proven: true });
      }
      if (word?.type === 'files' && once.data.proven && once.data.files === null) {
        limit.pause();
        if (!(await consent(word.files))) {
          await conversation.send(writeWord({ type: 'no', why: 'declined' }));
          return false;
        }
        limit.restart();
        await once.save({ files: word.files });
      }
    }
    throw new ClientError('closed', 'The connection was closed first.');
  }

  async #save(
    conversation: Conversation,
    offer: Pick<FileOffer, 'id' | 'name' | 'size' | 'sha256'>,
    once: Once<Receipt>,
  ): Promise<void> {
    if (once.data.saved.includes(offer.id)) return;
    const { into, limit, person } = this.#options;
    const { files } = once.data;
    const folder = files?.find((each) => each.folder && `${each.name}.tar` === offer.name) ?? null;
    const partial = join(into, `.${offer.id}.part`);
    const archive = join(into, `.${offer.id}.tar`);
    const line = new ProgressLine(offer.name);
    const { path } = await saveFile(
      conversation,
      offer.id,
      { partial, pathOf: (name) => (folder === null ? join(into, plainName(name)) : archive) },
      ({ bytes, size }) => {
        limit.restart();
        line.update(bytes, size);
      },
    );
    line.end();
    const to = folder === null ? path : await unpackFolder(path, into, plainName(folder.name));
    await once.save({ saved: [...once.data.saved, offer.id] });
    if (folder !== null) await rm(path, { force: true });
    const { size, sha256 } = offer;
    if (person.json) console.log(JSON.stringify({ file: to, size, sha256 }));
    else console.log(`${to} (${formatBytes(size)}), SHA-256 ${sha256}`);
  }
}

/** This code leads nowhere any more. */
class CodeOver extends Error {}

const WHY_NOT = {
  wrong:
    'The code is wrong, or an attacker is intercepting the transfer: nothing was received. Ask for a new code: each can be tried once.',
  taken: 'Another person has tried this code already: ask for a new one.',
  declined: 'The sender has ended it.',
} as const;
