import { randomInt } from 'node:crypto';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { readCode } from '../../../protocol/codes.ts';
import { UsageError } from '../../command.ts';

/** 22 bits. An attacker who guesses gets one try: the sender ends after a wrong one. */
const WORDS = 2;
/** The first letters of a word of this list name it. */
const LETTERS_ENOUGH = 4;

/** What one person reads to the other: `E011T7D-ocean-lunar`. */
export interface TransferCode {
  /** The sender's code at the relay, where the recipient finds them. */
  readonly user: string;
  /** The secret that both prove to know. */
  readonly words: readonly string[];
}

export function newWords(): string[] {
  return Array.from({ length: WORDS }, () => wordlist[randomInt(wordlist.length)] ?? '');
}

export function writeTransferCode({ user, words }: TransferCode): string {
  return [user, ...words].join('-');
}

/** Reads it as people type it: any case, blanks for dashes, words cut after four letters. */
export function readTransferCode(text: string): TransferCode {
  const [first = '', ...typed] = text
    .trim()
    .toLowerCase()
    .split(/[-\s]+/);
  const user = readCode(first);
  if (user === null || typed.length !== WORDS) {
    throw new UsageError(`"${text}" is not a code from keyrelay send, such as E011T7D-ocean-lunar`);
  }
  return { user, words: typed.map(readWord) };
}

function readWord(typed: string): string {
  const word =
    wordlist.find((each) => each === typed) ??
    wordlist.find((each) => typed.length >= LETTERS_ENOUGH && each.startsWith(typed));
  if (word === undefined) throw new UsageError(`"${typed}" is not a word that codes are made of`);
  return word;
}
