import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HTTP_CASES } from '../../hostile/cases/http-cases.ts';
import type { CheckedAnswer } from '../../support/plain/http-answer.ts';
import { RawConnection } from '../../support/plain/raw-connection.ts';
import { Processes } from '../../support/servers/processes.ts';
import type { RelayNode } from '../../support/servers/relay-node.ts';
import { type NginxServer, startNginx } from '../../support/services/nginx.ts';
import { until } from '../../support/until.ts';

/**
 * The hostile requests of e2e/frames/hostile, through HAProxy and nginx with the files of deploy/. A proxy may refuse a
 * request, or repair it; but it and the node must agree where each request ends (RFC 9112, 11.2), and neither may fail.
 */

const PROXIES = ['HAProxy', 'nginx'] as const;

const processes = new Processes();
const ports = new Map<string, number>();
let node: RelayNode;
let nginx: NginxServer;

beforeAll(async () => {
  node = await processes.relay({ RELAY_TRUSTED_PROXIES: '127.0.0.1' });
  ports.set('HAProxy', (await processes.balancer([node])).port);
  nginx = await startNginx([node]);
  ports.set('nginx', nginx.port);
});

afterAll(async () => {
  await processes.stop();
  await nginx.stop();
});

const open = (proxy: string) => RawConnection.open(ports.get(proxy) ?? 0);
/** The node has this header in every answer. */
const isOfNode = ({ headers }: CheckedAnswer) => headers.has('uwebsockets');
const FAILURES = [500, 502, 503, 504];
/** nginx writes its own `Connection`, and passes the `Upgrade` of a 426 on. */
const NGINX_BREAKS = /^RFC 9110, 7.8/;

/** Requests that the node has answered, successful upgrades apart. */
async function handled(): Promise<number> {
  const metrics = await node.metrics();
  const counted = /^keyrelay_(http_requests|upgrades_refused)_total\b/;
  return [...metrics].reduce((sum, [series, value]) => sum + (counted.test(series) ? value : 0), 0);
}

describe.each(PROXIES)('through %s', (proxy) => {
  const cases = Object.entries(HTTP_CASES).flatMap(([group, all]) =>
    all.map(({ name, send }) => [`${group}: ${name}`, send] as const),
  );

  it.each(cases)('%s', async (_name, send) => {
    const before = await handled();
    const connection = await open(proxy);
    connection.write(send);
    const answers: CheckedAnswer[] = [];
    const take = () => {
      for (let answer = connection.takeAnswer(); answer !== null; answer = connection.takeAnswer())
        answers.push(answer);
    };
    await until(
      () => {
        take();
        return answers.length > 0 || connection.ended;
      },
      { what: 'an answer, or the end', timeoutMs: 15_000 },
    );
    // If the node had read another request than the proxy, one of these would get its answer.
    for (const [path, status] of [
      ['/', 200],
      ['/nothing', 404],
      ['/users', 405],
    ] as const) {
      const other = await open(proxy);
      other.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await other.answer()).status).toBe(status);
      other.destroy();
    }
    take();
    connection.destroy();
    for (const answer of answers) {
      expect(FAILURES).not.toContain(answer.status);
      if (!isOfNode(answer)) continue;
      expect(answer.broken.filter((rule) => proxy !== 'nginx' || !NGINX_BREAKS.test(rule))).toEqual([]);
    }
    // A request that the proxy did not send would have no answer here.
    const answered = answers.filter((answer) => isOfNode(answer) && answer.status !== 101).length;
    expect((await handled()) - before - 3).toBeLessThanOrEqual(answered);
  });
});
