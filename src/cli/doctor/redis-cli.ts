import type { Access } from '../../engine/redis/connection/address.ts';
import type { Connection } from '../../engine/redis/connection/connection.ts';

/** The beginning of a command for an administrator of this server, who is another user where nodes have one of their own. */
export function administrator({ host, port }: Connection, { tls, username }: Access): string {
  const words = ['redis-cli', '-h', host, '-p', `${port}`];
  if (tls) words.push('--tls');
  if (username !== null && username !== 'default') words.push('--user', 'admin');
  return words.join(' ');
}
