import { z } from 'zod';

/** Bodies of the admin API. Times are UTC with six decimals and `Z`. */

const time = z.string().describe('UTC');
const code = z.string().describe('7 characters');

export const invitation = z
  .object({
    id: z
      .string()
      .describe('Names the invitation. It is not the token: no account can be registered with it.'),
    uses: z.int(),
    left: z.int().describe('Uses that are left.'),
    note: z.string(),
    created_at: time,
    expires_at: time.nullable().describe('Null: never.'),
  })
  .strict();

export const newInvitation = z
  .object({
    uses: z.int().min(1).max(10_000).default(1),
    expires_in_s: z.int().min(1).max(315_360_000).nullable().default(604_800).describe('Null: never.'),
    note: z.string().max(200).default(''),
  })
  .strict();

export const createdInvitation = z
  .object({
    token: z.string().describe('Lets its holder in. Shown once: only a hash of it is kept.'),
    id: z.string(),
    uses: z.int(),
    expires_at: time.nullable(),
  })
  .strict();

export const newUser = z
  .object({
    ecdh_public_key: z.string().regex(/^[0-9a-fA-F]{64}$/),
    eddsa_public_key: z.string().regex(/^[0-9a-fA-F]{64}$/),
    name: z.string().min(1).max(64).optional(),
  })
  .strict();

export const user = z
  .object({
    code,
    id: z.int(),
    name: z.string().nullable(),
    ecdh_public_key: z.string(),
    eddsa_public_key: z.string(),
    created_at: time,
    claimed: z.boolean().describe('Whether it has an owner: by a proof, or a login.'),
    protocol: z.int().describe('The least that its logins must use.'),
    last_login_at: time.nullable(),
    waiting: z
      .object({ envelopes: z.int(), bytes: z.int(), since: time.nullable() })
      .strict()
      .describe('What the mailbox holds.'),
    node: z.string().nullable().describe('Where it is connected, as far as the store knows.'),
    ban: z
      .object({ until: time.nullable().describe('Null: for ever.'), reason: z.string() })
      .strict()
      .nullable(),
  })
  .strict();

export const ban = z
  .object({
    for_s: z.int().min(1).max(315_360_000).nullable().default(null).describe('Null: for ever.'),
  })
  .strict();

export const registered = z.object({ code }).strict();

export const purged = z.object({ deleted: z.int() }).strict();

export const node = z
  .object({
    id: z.string(),
    address: z.string(),
    version: z.string(),
    since: z.string(),
    sockets: z.int(),
  })
  .strict();

export const deadLetterBox = z.object({ code, count: z.int() }).strict();

export const deadLetter = z
  .object({
    id: z.string(),
    reason: z.string(),
    bytes: z.int(),
    content: z.string().describe('The frame, which is encrypted for its recipient.'),
  })
  .strict();

export const limit = z
  .object({
    name: z.string(),
    value: z.string(),
    source: z.enum(['operator', 'node']).describe('operator: changed here, for all nodes.'),
  })
  .strict();

export const newLimit = z.object({ value: z.union([z.string(), z.number(), z.boolean()]) }).strict();

export const auditLine = z
  .object({
    id: z.string(),
    at: time,
    operator: z.string(),
    node: z.string(),
    action: z.string(),
    target: z.string(),
    reason: z.string(),
  })
  .strict();

export const report = z
  .object({
    at: time,
    id: z.string().describe("The reporter's name for it."),
    reporter: code,
    code: code.describe('Of the reported user.'),
    key: z.string().describe('Ed25519 key of the reported user: verifies the signatures.'),
    reason: z.string().describe("The reporter's words, which nothing proves."),
    envelopes: z.array(
      z
        .object({
          data: z.string().describe('As its sender signed it; what it says is encrypted for the reporter.'),
          signature: z.string(),
        })
        .strict(),
    ),
  })
  .strict();

/** One page of a list. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z
    .object({
      items: z.array(item),
      next: z.string().nullable().describe('For `after`; null: the last page.'),
    })
    .strict();
}

export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item) }).strict();
}
