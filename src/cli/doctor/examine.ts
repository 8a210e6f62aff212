import { loadConfig } from '../../ops/settings/config.ts';
import type { Finding } from './finding.ts';
import { examineFrontDoor, examineProxies } from './front-door.ts';
import { examineMachine } from './machine.ts';
import { examineRedis } from './redis.ts';

/** Everything that a node with the settings of this environment depends on. */
export async function examine(): Promise<readonly Finding[]> {
  const config = loadConfig(process.env);
  return [
    ...examineMachine(config),
    ...(await examineRedis(config)),
    ...examineProxies(config),
    ...(await examineFrontDoor(config)),
  ];
}
