import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { EngineUnavailable } from '../../../src/engine/engine.ts';
import { Connection, type ConnectionOptions } from '../../../src/engine/redis/connection/connection.ts';
import { RedisError } from '../../../src/engine/redis/connection/reply.ts';
import { redisForTests } from '../../support/redis/for-tests.ts';
import { until } from '../../support/until.ts';

const server = redisForTests();

const open = (more: Partial<ConnectionOptions> = {}, port = server.port) =>
  Connection.open({
    address: { host: '127.0.0.1', port },
    access: { tls: false, username: null, password: null },
    timeoutMs: 5_000,
    ...more,
  });

describe('a connection to Redis', () => {
  it('gives each of thousands of commands its own answer, with others always in flight', async () => {
    const connection = await open();
    let next = 0;
    const work = async () => {
      for (let n = next++; n < 5_000; n = next++)
        expect(String(await connection.send(['ECHO', `${n}`]))).toBe(`${n}`);
    };
    await Promise.all(Array.from({ length: 16 }, work));
    connection.destroy('done');
  });

  it('tells a refusal from an answer, and goes on behind it', async () => {
    const connection = await open();
    const [refused, answered] = await Promise.allSettled([
      connection.send(['HGET', 'only one argument']),
      connection.send(['ECHO', 'here']),
    ]);
    expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(RedisError) });
    expect(answered).toMatchObject({ status: 'fulfilled', value: Buffer.from('here') });
    connection.destroy('done');
  });

  it('rejects what is in flight when it is cut, and everything after', async () => {
    const [connection, killer] = [await open(), await open()];
    const id = String(await connection.send(['CLIENT', 'ID']));
    const inFlight = connection.send(['BLPOP', 'never', '0']).catch((error: Error) => error);
    await until(async () => String(await killer.send(['CLIENT', 'LIST', 'ID', id])).includes('cmd=blpop'), {
      what: 'the command to wait in Redis',
    });
    await killer.send(['CLIENT', 'KILL', 'ID', id]);
    expect(await inFlight).toBeInstanceOf(EngineUnavailable);
    expect(await connection.closed).toContain('closed the connection');
    expect(connection.open).toBe(false);
    await expect(connection.send(['PING'])).rejects.toBeInstanceOf(EngineUnavailable);
    killer.destroy('done');
  });

  it('hears what is published on its channels, among answers, until it leaves them', async () => {
    const heard: string[] = [];
    const connection = await open({ onMessage: (channel, payload) => heard.push(`${channel} ${payload}`) });
    const publisher = await open();
    await connection.subscribe('inbox:{A}');
    await Promise.all([connection.subscribe('inbox:{B}'), connection.send(['PING'])]);
    expect([...connection.subscribedTo]).toEqual(['inbox:{A}', 'inbox:{B}']);
    await publisher.send(['SPUBLISH', 'inbox:{A}', 'one']);
    await publisher.send(['SPUBLISH', 'inbox:{B}', 'two']);
    await connection.unsubscribe('inbox:{A}');
    await publisher.send(['SPUBLISH', 'inbox:{A}', 'three']);
    await publisher.send(['SPUBLISH', 'inbox:{B}', 'four']);
    await until(() => heard.length === 3, { what: 'three messages' });
    expect(heard).toEqual(['inbox:{A} one', 'inbox:{B} two', 'inbox:{B} four']);
    expect([...connection.subscribedTo]).toEqual(['inbox:{B}']);
    for (const each of [connection, publisher]) each.destroy('done');
  });

  it('ends with a reason when the server sends what is not RESP, or an answer that nothing asked for', async () => {
    for (const [sent, reason] of [
      ['HTTP/1.1 400\r\n', 'this is not RESP'],
      ['+OK\r\n', 'answered more than it was asked'],
    ] as const) {
      const strange = createServer((socket) => {
        socket.once('data', () => {
          socket.write('%1\r\n+proto\r\n:3\r\n');
          socket.once('data', () => socket.write(sent === '+OK\r\n' ? `+PONG\r\n${sent}` : sent));
        });
      }).listen(0, '127.0.0.1');
      await once(strange, 'listening');
      const connection = await open({}, (strange.address() as AddressInfo).port);
      const asked = connection.send(['PING']).catch((error: Error) => error);
      expect(await connection.closed).toContain(reason);
      await asked;
      strange.close();
    }
  });
});
