import { afterAll, beforeAll, describe } from 'vitest';
import type { Backend } from './backends.ts';
import { accounts } from './contract/accounts.ts';
import { announcements } from './contract/announcements.ts';
import { deliver } from './contract/deliver.ts';
import { invitations } from './contract/invitations.ts';
import { mailboxes } from './contract/mailboxes.ts';
import { operators } from './contract/operators.ts';
import { people } from './contract/people.ts';
import { prekeys } from './contract/prekeys.ts';
import { sessions } from './contract/sessions.ts';
import { shares } from './contract/shares.ts';
import { subscriptions } from './contract/subscriptions.ts';
import { wakeUps } from './contract/wake-ups.ts';

/** Every promise of `Engine`, for every implementation. */
export function contract(backend: Backend): void {
  describe(`the engine on ${backend.name}`, () => {
    beforeAll(() => backend.start());
    afterAll(() => backend.stop());
    accounts(backend);
    sessions(backend);
    deliver(backend);
    mailboxes(backend);
    shares(backend);
    people(backend);
    prekeys(backend);
    operators(backend);
    invitations(backend);
    announcements(backend);
    subscriptions(backend);
    wakeUps(backend);
  });
}
