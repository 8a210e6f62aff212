import { join } from 'node:path';
import { Child } from '../../src/cli/dev/child.ts';
import { ROOT } from '../../src/cli/dev/root.ts';
import { freePort } from '../../src/cli/dev/servers.ts';
import type { RigNode } from '../bench/rig.ts';
import { CENTRIFUGO_TOKEN_KEY } from '../dialects/dialects.ts';
import { goProgramPath } from './install.ts';

const CONFIG = join(ROOT, 'loadtest/peers/centrifugo.json');
const START_TIMEOUT_MS = 20_000;

/** One node of the Centrifugo server. */
export async function startCentrifugo(redisUrl: string): Promise<RigNode> {
  const port = await freePort();
  const child = await Child.start({
    command: goProgramPath('centrifugo'),
    args: ['--config', CONFIG],
    env: {
      ...process.env,
      CENTRIFUGO_HTTP_SERVER_PORT: `${port}`,
      CENTRIFUGO_ENGINE_REDIS_ADDRESS: redisUrl,
      CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY: CENTRIFUGO_TOKEN_KEY,
    },
  });
  await child.waitFor(/serving websocket/, START_TIMEOUT_MS);
  return { pid: child.pid, ws: `ws://127.0.0.1:${port}`, stop: () => child.stop() };
}
