import { resolve } from 'node:path';
import type { Conversation, Relay } from '../../../client/index.ts';
import { cpaceScalar } from '../../../crypto/cpace.ts';
import { readCode } from '../../../protocol/codes.ts';
import { connectAs } from '../account/connect.ts';
import type { Payload } from '../files/payload.ts';
import { sendOneFile } from '../files/send-file.ts';
import { SendingPaths } from '../files/sending-paths.ts';
import { formatBytes } from '../files/units.ts';
import type { Person } from '../options.ts';
import type { TimeLimit } from '../time-limit.ts';
import { Once } from './once.ts';
import { type Half, proofsOf, shareOf } from './proof.ts';
import { orTheirNo } from './their-no.ts';
import { newWords, writeTransferCode } from './transfer-code.ts';
import { readWord, writeWord } from './word.ts';

/** What must survive of it: hex where it is bytes. */
interface Offer {
  /** Our code, which is the first part of the transfer code. */
  readonly user: string;
  readonly words: readonly string[];
  readonly scalar: string;
  /** The user that tried the words, and with which share: no other user may. */
  readonly partner: { readonly code: string; readonly share: string } | null;
  /** They knew them. */
  readonly proven: boolean;
}

export interface OfferByCode {
  readonly person: Person;
  readonly payload: Payload;
  /** As they stand on the command line. */
  readonly files: readonly string[];
  readonly limit: TimeLimit;
  /** See `ConnectOptions`. */
  readonly invite: string | undefined;
}

/** `keyrelay send FILES`: prints a code, waits for the one person who types it, and sends. */
export async function offerByCode({ person, payload, files, limit, invite }: OfferByCode): Promise<void> {
  const digests = payload.items.map(({ source }) => source.sha256);
  const paths = files.map((file) => (file === '-' ? file : resolve(file)));
  const once = await Once.open<Offer | null>(person, ['send', ...paths, ...digests], null);
  limit.restart();
  const session = await connectAs(once.person, { signal: limit.signal, invite, answersStrangers: true });
  try {
    limit.pause();
    const offer = await agreeOnOffer(once, session.relay);
    announce(offer, payload, person);
    const partner = await limit.unlessOver(
      new Doorkeeper({ relay: session.relay, once, offer, limit }).partner,
    );
    // From here on the code is used up: interrupted or not, this ends well or not at all.
    const listed = payload.items.map(({ source: { name, size }, folder }) => ({
      name: folder ? name.replace(/\.tar$/, '') : name,
      size,
      folder,
    }));
    await partner.send(writeWord({ type: 'files', files: listed }));
    console.error('They know the code. Waiting until they accept.');
    const sending = await SendingPaths.load(session.state);
    for (const { source } of payload.items) {
      const { name, size, sha256 } = source;
      const over = partner.files.some(
        (file) => file.state === 'done' && file.name === name && file.sha256 === sha256,
      );
      if (!over) {
        const sent = sendOneFile({
          conversation: partner,
          source,
          path: null,
          paths: sending,
          untilDelivered: true,
          announced: true,
          limit,
        });
        await orTheirNo(sent, limit);
      }
      const words = { file: name, size, sha256, delivered: true };
      if (person.json) console.log(JSON.stringify(words));
      else console.error(`${name}: delivered, SHA-256 ${sha256}`);
    }
    await session.leave();
    await once.remove();
  } catch (error) {
    if (error instanceof OfferOver) {
      await session.leave(true);
      await once.remove();
    } else await session.done(true);
    throw error;
  }
}

/** It cannot go on, and a new code is needed. */
class OfferOver extends Error {}

/** That of before, unless the relay has given us another code since. */
async function agreeOnOffer(once: Once<Offer | null>, { code }: Relay): Promise<Offer> {
  const user = readCode(code ?? '') ?? '';
  if (once.data?.user === user) return once.data;
  const scalar = Buffer.from(cpaceScalar()).toString('hex');
  const offer: Offer = { user, words: newWords(), scalar, partner: null, proven: false };
  await once.save(offer);
  return offer;
}

function announce(offer: Offer, { items }: Payload, { url, json }: Person): void {
  const code = writeTransferCode(offer);
  if (json) console.log(JSON.stringify({ code }));
  if (offer.proven || json) return;
  const names = items.map(({ source: { name, size } }) => `${name} (${formatBytes(size)})`).join(', ');
  console.error(`${names}\nAt the other machine, once, within reach of ${url}:\n`);
  console.log(`keyrelay receive ${code}`);
  console.error('\nWaiting for it. Ctrl-C ends this; the same command goes on with the same code.');
}

/** Lets in the first who tries the words, once, and only if they are right. */
class Doorkeeper {
  readonly partner: Promise<Conversation>;
  readonly #once: Once<Offer | null>;
  #offer: Offer;
  #admit = (_: Conversation) => {};
  /** Ends the whole command, also after the partner is in. */
  readonly #fail: (error: Error) => void;

  constructor(options: { relay: Relay; once: Once<Offer | null>; offer: Offer; limit: TimeLimit }) {
    const { relay, once, offer, limit } = options;
    this.#once = once;
    this.#offer = offer;
    this.#fail = (error) => limit.abort(error);
    this.partner = new Promise((admit) => {
      this.#admit = admit;
    });
    const listen = (conversation: Conversation) => void this.#listen(conversation).catch(this.#fail);
    relay.on('conversation', ({ conversation }) => listen(conversation));
    relay.on('state', (state) => state.state === 'ended' && this.#fail(state.error));
    for (const conversation of relay.conversations) {
      listen(conversation);
      if (offer.proven && offer.partner?.code === conversation.code) this.#admit(conversation);
    }
  }

  async #listen(conversation: Conversation): Promise<void> {
    for await (const { body } of conversation) {
      const word = readWord(body);
      if (word?.type === 'share') await this.#answer(conversation, word.share);
      if (conversation.code !== this.#offer.partner?.code) continue;
      if (word?.type === 'proof' && !this.#offer.proven) await this.#check(conversation, word.proof);
      if (word?.type === 'no') {
        const words =
          word.why === 'wrong'
            ? 'Another person tried a wrong code, or is intercepting the transfer: nothing was sent. Send again for a new code.'
            : 'They do not want it: nothing was sent.';
        this.#fail(new OfferOver(words));
      }
    }
  }

  async #answer(conversation: Conversation, share: string): Promise<void> {
    const { partner } = this.#offer;
    // Each further share would be another guess.
    if (partner !== null && (partner.code !== conversation.code || partner.share !== share)) {
      await conversation.send(writeWord({ type: 'no', why: 'taken' }));
      return;
    }
    const proofs = this.#proofs(conversation, share);
    if (proofs === null) return;
    await this.#save({ partner: { code: conversation.code, share } });
    const own = shareOf(this.#half, this.#agreed(conversation));
    await conversation.send(writeWord({ type: 'answer', share: own, proof: proofs.sender }));
  }

  async #check(conversation: Conversation, proof: string): Promise<void> {
    if (proof !== this.#proofs(conversation, this.#offer.partner?.share ?? '')?.recipient) {
      await conversation.send(writeWord({ type: 'no', why: 'wrong' }));
      const words = 'Another person tried a wrong code: nothing was sent. Send again for a new code.';
      this.#fail(new OfferOver(words));
      return;
    }
    await this.#save({ proven: true });
    this.#admit(conversation);
  }

  get #half(): Half {
    return { scalar: this.#offer.scalar, role: 'sender' };
  }

  #agreed(conversation: Conversation): { words: readonly string[]; safetyNumber: readonly string[] } {
    return { words: this.#offer.words, safetyNumber: conversation.safetyNumber() };
  }

  #proofs(conversation: Conversation, share: string): ReturnType<typeof proofsOf> {
    return proofsOf(this.#half, share, this.#agreed(conversation));
  }

  async #save(change: Partial<Offer>): Promise<void> {
    this.#offer = { ...this.#offer, ...change };
    await this.#once.save(this.#offer);
  }
}
