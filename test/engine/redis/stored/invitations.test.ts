import { createHash } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { INVITATION_PENDING_MS } from '../../../../src/engine/bounds.ts';
import type { Engine } from '../../../../src/engine/engine.ts';
import { invitationId } from '../../../../src/engine/verbs/invitations.ts';
import { redisForTests } from '../../../support/redis/for-tests.ts';
import { runningNode } from '../../backends.ts';
import { created, key, registration } from '../../fixture.ts';

/** What a node that dies leaves of an invitation, written as it stands then. */
describe('a use of an invitation, when its node died', () => {
  const server = redisForTests();
  let node: Engine;
  let hash: string;
  let name: string;
  const now = () => Date.now() * 1000;
  const LONG_AGO_US = (INVITATION_PENDING_MS + 1_000) * 1000;

  beforeAll(async () => {
    node = await runningNode({ urls: [server.url] });
    return () => node.close();
  });
  beforeEach(async () => {
    hash = createHash('sha256').update(key()).digest('hex');
    name = `{invites}:${invitationId(hash)}`;
    await node.invitations.create({ hash, uses: 1, expiresInMs: null, note: '' });
  });

  const invited = (eddsaPublicKey = key()) =>
    registration({ eddsaPublicKey, admission: { invitation: hash } });
  const register = (eddsaPublicKey?: string) => node.register(invited(eddsaPublicKey));
  const taken = async (holder: string, atUs: number) => {
    await server.call('HSET', name, 'left', 0, 'pending', 1);
    await server.call('ZADD', `${name}:taken`, atUs, `p${holder}`);
  };

  it("before the account was created, is the same key's", async () => {
    const holder = key();
    await taken(holder, now());
    expect(await register()).toEqual({ outcome: 'invitation_invalid' });
    expect(await register(holder)).toMatchObject({ outcome: 'created' });
    expect(await register()).toEqual({ outcome: 'invitation_invalid' });
    expect(await server.call('HGET', name, 'left')).toBe('0');
  });

  it("before the account was created, is anybody's after two minutes", async () => {
    await taken(key(), now() - LONG_AGO_US);
    expect(await register()).toMatchObject({ outcome: 'created' });
    expect(await register()).toEqual({ outcome: 'invitation_invalid' });
  });

  it('after the account was created, is used, even if no node has noted it', async () => {
    const holder = key();
    expect(await register(holder)).toMatchObject({ outcome: 'created' });
    await taken(holder, now() - LONG_AGO_US);
    expect(await register()).toEqual({ outcome: 'invitation_invalid' });
    expect(await server.call('HMGET', name, 'left', 'pending')).toEqual(['0', '0']);
  });

  it('with an account that was never completed, goes back', async () => {
    const holder = key();
    const { code } = await created(node, invited(holder));
    await server.call('HSET', `user:{${code}}`, 'pending', '1');
    await taken(holder, now() - LONG_AGO_US);
    expect(await register()).toMatchObject({ outcome: 'created' });
  });

  it('is forgotten, and so is the key that used it', async () => {
    const holder = key();
    await register(holder);
    await expect.poll(() => server.call('HGET', name, 'pending')).toBe('0');
    const fields = (await server.call('HGETALL', name)) as string[];
    const names = fields.filter((_, i) => i % 2 === 0).sort();
    expect(names).toEqual(['created', 'expires', 'hash', 'left', 'note', 'pending', 'uses']);
    const leftMs = Number(await server.call('PTTL', `${name}:taken`));
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(INVITATION_PENDING_MS);
    await node.invitations.revoke(invitationId(hash));
    expect(await server.call('EXISTS', name, `${name}:taken`)).toBe(0);
  });
});
