import { PlainClient } from '../../support/plain/plain-client.ts';
import type { Stage } from '../stage.ts';
import { type Fault, newUser, repeatedly } from './fault.ts';

function setConfig({ redis }: Stage, name: string, value: string): Promise<unknown> {
  return redis.call('CONFIG', 'SET', name, value);
}

/** @param speed of Prometheus' clock; see `copyFaster` */
export const redisFaults = (speed: number): readonly Fault[] => [
  {
    what: 'Redis is stopped (SIGSTOP) while users log in at a node',
    alerts: ['KeyrelayRedisDown', 'KeyrelayNodeNotReady', 'KeyrelayLoginsFailing'],
    slow: false,
    begin: async ({ redis, nodes, http }) => {
      const user = await newUser(http);
      redis.pause();
      const end = repeatedly(200, () => PlainClient.login(nodes[0].ws, user));
      return async () => {
        redis.resume();
        await end();
      };
    },
  },
  {
    what: 'Redis reaches its maxmemory',
    alerts: ['KeyrelayEnvelopesRefused', 'KeyrelayRedisMemoryFull'],
    slow: false,
    begin: async (stage) => {
      await setConfig(stage, 'maxmemory', '1mb');
      return () => setConfig(stage, 'maxmemory', '1gb');
    },
  },
  {
    what: 'something fills Redis steadily',
    alerts: ['KeyrelayRedisMemoryFilling'],
    slow: true,
    begin: async (stage) => {
      await setConfig(stage, 'maxmemory', '200mb');
      let number = 0;
      const fill = async (count: number) => {
        for (let index = 0; index < count; index += 1) {
          number += 1;
          await stage.redis.call('SETRANGE', `filler:${number}`, 999_999, 'x');
        }
      };
      await fill(100);
      // Half a gigabyte an hour: what is left would last for a quarter of an hour.
      const end = repeatedly(10_000 / speed, () => fill(1));
      return async () => {
        await end();
        for (; number > 0; number -= 1) await stage.redis.call('DEL', `filler:${number}`);
        await setConfig(stage, 'maxmemory', '1gb');
      };
    },
  },
  {
    what: 'the append-only file is turned off',
    alerts: ['KeyrelayRedisNotPersisting'],
    slow: false,
    begin: async (stage) => {
      await setConfig(stage, 'appendonly', 'no');
      return () => setConfig(stage, 'appendonly', 'yes');
    },
  },
  {
    what: 'maxmemory-policy is changed to allkeys-lru',
    alerts: ['KeyrelayRedisEvicts'],
    slow: false,
    begin: async (stage) => {
      await setConfig(stage, 'maxmemory-policy', 'allkeys-lru');
      return () => setConfig(stage, 'maxmemory-policy', 'noeviction');
    },
  },
  {
    what: 'publish/subscribe is silent, everything else works',
    alerts: ['KeyrelayWakeUpsFailing'],
    slow: false,
    begin: async ({ proxy }) => {
      proxy.add({ kind: 'silence', channel: () => true }, 'down');
      return () => proxy.heal();
    },
  },
  {
    what: 'publish/subscribe is silent except for the probes',
    alerts: ['KeyrelayWakeUpsLost'],
    slow: true,
    begin: async ({ proxy }) => {
      proxy.add({ kind: 'silence', channel: (name) => !name.startsWith('probe:') }, 'down');
      return () => proxy.heal();
    },
  },
  {
    what: 'unexpected data is written behind the mail of two mailboxes, and their owners log in',
    alerts: ['KeyrelayPoison'],
    slow: true,
    begin: async (stage) => {
      const writer = await newUser(stage.http);
      const client = await PlainClient.login(stage.ws, writer);
      for (const user of [await newUser(stage.http), await newUser(stage.http)]) {
        const message = '{"type":"message","payload":"real mail"}';
        const data = `{"sender":"${writer.code}","recipient":"${user.code}","id":"real","message":${message}}`;
        client.sendData(writer, data);
        await client.until(() => client.accepted().length > 0);
        await stage.redis.call('XADD', `inbox:{${user.code}}`, '*', 'unexpected', '1');
        const reader = await PlainClient.login(stage.ws, user);
        await reader.until(() => reader.envelopes.length === 1);
        client.received.length = 0;
        await reader.close();
      }
      await client.close();
      return () => undefined;
    },
  },
  {
    what: 'the replica of Redis is killed -9, then restarted',
    alerts: ['KeyrelayReplicasLost'],
    slow: false,
    begin: async (stage) => {
      await stage.replica.kill();
      return () => stage.replica.restart();
    },
  },
];
