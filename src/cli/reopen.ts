import { isCode } from '../protocol/codes.ts';
import { EXIT, UsageError } from './command.ts';

/** Resets the sticky minimum of protocol 2 for one account. */
export async function run(args: readonly string[]): Promise<number> {
  const [code, ...rest] = args;
  if (code === undefined || rest.length > 0 || !isCode(code)) {
    throw new UsageError('reopen takes one code: keyrelay reopen E011T7D');
  }
  const { loadConfig } = await import('../ops/settings/config.ts');
  const config = loadConfig(process.env);
  const { redisUrls, nodeId } = config;
  if (redisUrls.length === 0) {
    throw new UsageError('reopen needs RELAY_REDIS_URL: no other process can change the memory of a node');
  }
  const { createRedisEngine } = await import('../engine/redis/engine.ts');
  const engine = createRedisEngine({
    urls: redisUrls,
    nodeId: `${nodeId}-reopen`,
    limits: config,
    waitReplicas: 0,
  });
  await engine.start();
  const found = await engine.reopen(code);
  await engine.close();
  if (found) console.log(`${code} may log in by protocol 1 again, until its next login by protocol 2`);
  else console.error(`no user has the code ${code}`);
  return found ? EXIT.ok : EXIT.failed;
}
