import { get, type IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { relayForTests } from '../../support/servers/for-tests.ts';

const relay = relayForTests();

interface Got {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: Buffer;
}

/** As it comes: `fetch` would undo the coding. */
function ask(path: string, headers: Record<string, string> = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    get(relay.http + path, { headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          bytes: Buffer.concat(chunks),
        }),
      );
      answer.on('error', reject);
    }).on('error', reject);
  });
}

/** The script that the page names. */
async function scriptPath(): Promise<string> {
  const { bytes } = await ask('/');
  return /src="(\/main-[A-Z0-9]{8}\.js)"/.exec(bytes.toString())?.[1] ?? 'no script with a hash in its name';
}

describe('the page', () => {
  test.each([
    ['br', 'gzip, deflate, br', brotliDecompressSync],
    ['gzip', 'gzip', gunzipSync],
    ['gzip', 'br;q=0, gzip;q=0.5', gunzipSync],
  ] as const)('comes as %s to a browser that takes "%s"', async (coding, accepted, decompress) => {
    const path = await scriptPath();
    const plain = await ask(path);
    const packed = await ask(path, { 'Accept-Encoding': accepted });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(packed.headers['content-encoding']).toBe(coding);
    expect(packed.headers.vary).toContain('Accept-Encoding');
    expect(decompress(packed.bytes).equals(plain.bytes)).toBe(true);
    expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 2);
    expect(packed.headers.etag).not.toBe(plain.headers.etag);
  });

  test('is not sent again to a browser that has it: 304, and for names with a hash not even a question', async () => {
    const first = await ask('/');
    expect(first.headers['cache-control']).toBe('no-cache');
    const again = await ask('/', { 'If-None-Match': `"other", W/${first.headers.etag}` });
    expect([again.status, again.bytes.length]).toEqual([304, 0]);
    expect(again.headers.etag).toBe(first.headers.etag);
    const changed = await ask('/', { 'If-None-Match': '"other"' });
    expect(changed.status).toBe(200);
    const script = await ask(await scriptPath());
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  });
});
