import { deleteAccount, rotate } from './account.ts';
import type { Command } from './command.ts';
import { block, blocks, policy, unblock } from './people.ts';
import { prekeyClaim, prekeys } from './prekeys.ts';
import { push } from './push.ts';
import { report } from './report.ts';

/** Every command, once, by the type of its message. */
export const VERBS = {
  block,
  unblock,
  blocks,
  policy,
  rotate,
  push,
  prekeys,
  prekey_claim: prekeyClaim,
  report,
  delete_account: deleteAccount,
} as const satisfies Readonly<Record<string, Command>>;

export type Verb = keyof typeof VERBS;

export function isVerb(name: string): name is Verb {
  return Object.hasOwn(VERBS, name);
}
