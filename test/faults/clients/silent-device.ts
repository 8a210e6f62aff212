import { PlainClient } from '../../support/plain/plain-client.ts';
import type { PlainUser } from '../../support/plain/users.ts';

const LOGIN_TRIES = 20;
const TRY_AGAIN_MS = 250;

/** Logs in a device that confirms nothing. A node that is too busy, or misses its store for a moment, is asked again. */
export async function silentDevice(ws: string, user: PlainUser): Promise<PlainClient> {
  for (let left = LOGIN_TRIES; ; left -= 1) {
    try {
      return await PlainClient.login(ws, user, { pongs: 'none' });
    } catch (error) {
      if (left === 1) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
    }
  }
}
