import { register } from '../../../client/account/directory.ts';
import { endpointsOf } from '../../../client/account/endpoints.ts';
import type { Identity } from '../../../client/account/identity.ts';
import type { Person } from '../options.ts';
import { codeInState, openState } from './state.ts';

/** Of an invitation: of the token, or of the whole link that has it. */
export function inviteToken(invite: string): string {
  return invite.split('#invite=').at(-1) ?? '';
}

/** The identity's code at this relay, registering it if need be. Says so if the relay has forgotten the code from before. */
export async function registeredCode(person: Person, identity: Identity, invite?: string): Promise<string> {
  const before = await codeInState(person, identity);
  const { code } = await register(identity, {
    endpoints: endpointsOf(person.url),
    invite: invite === undefined ? undefined : inviteToken(invite),
  });
  if (before !== null && before !== code) {
    const state = await openState(person, identity);
    try {
      console.error(forgottenWords(before, await state.setAside()));
    } finally {
      await state.unlock();
    }
  }
  return code;
}

/** What it means that a relay has forgotten an identity. */
export function forgottenWords(code: string | null, aside: string): string {
  return (
    `This relay has forgotten you: it was set up anew.${code === null ? '' : ` ${code} no longer belongs to anybody.`}\n` +
    'You get a new code, and so does everybody you talked to: give yours and ask for theirs. Conversations start afresh.\n' +
    `What was kept for them, messages that waited included, is in ${aside}.`
  );
}
