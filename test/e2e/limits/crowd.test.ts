import { expect, it } from 'vitest';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

const processes = processesForTests();

/**
 * Upgrades that wait for their turn are answered outside of uWebSockets' handler, where it can take a new WebSocket for
 * an HTTP response, and close it if a byte of freed memory says so. Here every freed byte says so (glibc only).
 */
const FREED_BYTES_CLOSE = 'glibc.malloc.tcache_count=0:glibc.malloc.perturb=16';

it('every client of a crowd that connects at once gets in, whatever lies in memory that the node has freed', async () => {
  const node = await processes.relay({ GLIBC_TUNABLES: FREED_BYTES_CLOSE });
  const users = await Promise.all(Array.from({ length: 60 }, () => registerUser(node.http)));
  const logins = await Promise.all(users.map((user) => PlainClient.login(node.ws, user)));
  expect(logins.map(({ closed }) => closed)).toEqual(users.map(() => null));
});
