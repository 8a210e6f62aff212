import { expect, it } from 'vitest';
import { churn } from '../../hostile/churn.ts';
import { startRedis } from '../../support/redis/redis.ts';
import { processesForTests } from '../../support/servers/for-tests.ts';

/** The short form of `npm run test:hostile -- --only churn`. */

const processes = processesForTests();

it('clients that connect and are cut off again and again leave no subscription behind, and cost at most one each', async () => {
  const redis = await startRedis();
  try {
    const relay = await processes.relay({ RELAY_REDIS_URL: redis.url });
    const { logins, subscribes, channelsLeft } = await churn(relay, redis, 500);
    expect(channelsLeft).toBe(0);
    expect(subscribes).toBeLessThanOrEqual(logins);
    expect(relay.output).not.toMatch(/"severity":"(error|fatal)"/);
  } finally {
    await processes.stop();
    await redis.remove();
  }
});
