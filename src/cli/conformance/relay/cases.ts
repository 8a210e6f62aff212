import type { Case } from './case.ts';
import { FRAME_CASES } from './frames.ts';
import { PREKEY_CASES } from './prekeys.ts';
import { PROTOCOL_1_CASES } from './protocol-1.ts';
import { PROTOCOL_2_CASES } from './protocol-2.ts';
import { REPLY_CASES } from './replies.ts';
import { USER_CASES } from './users.ts';

/** In the order of docs/protocol.md. */
export const CASES: readonly Case[] = [
  ...USER_CASES,
  ...FRAME_CASES,
  ...PROTOCOL_1_CASES,
  ...PROTOCOL_2_CASES,
  ...PREKEY_CASES,
  ...REPLY_CASES,
];
