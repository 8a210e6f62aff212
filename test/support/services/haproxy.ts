import { type HaproxyServer, startHaproxy as start } from '../../../src/cli/dev/servers.ts';
import { ensureInstalled } from '../servers/install.ts';

/** HAProxy with the file of deploy/, installed if it is missing. */
export async function startHaproxy(options: Parameters<typeof start>[0]): Promise<HaproxyServer> {
  ensureInstalled('haproxy');
  return start(options);
}
