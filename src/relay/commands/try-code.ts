import type { CommandAnswer, CommandHost } from './command.ts';

/**
 * Does something that tells whether a code exists: costs a look-up, which is given back if it does.
 * @param work null: no user has the code. May throw: then the code counts as known
 */
export async function tryCode(
  { lookups }: Pick<CommandHost, 'lookups'>,
  code: string,
  work: () => Promise<CommandAnswer | null>,
): Promise<CommandAnswer> {
  const retryAfterMs = lookups.approach(code);
  if (retryAfterMs > 0)
    return { code: 'rate_limited', detail: 'too many codes tried from your address', retryAfterMs };
  let known = true;
  try {
    const answer = await work();
    known = answer !== null;
    return answer ?? { code: 'recipient_unknown', detail: `no user has the code ${code}` };
  } finally {
    // Nothing was written to this user, so that the session has not reached anybody yet.
    lookups.settle(code, known ? 'unavailable' : 'recipient_unknown');
  }
}
