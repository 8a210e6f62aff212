import { describe, expect, it } from 'vitest';
import { type Asked, readAnswer } from '../../support/plain/http-answer.ts';

/** The reader of raw answers must notice what it is there for. */

function read(head: readonly string[], options: { body?: string; ended?: boolean } & Partial<Asked> = {}) {
  const { body = '', ended = false, method = 'GET', ...asked } = options;
  return readAnswer(Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`), { method, ended, ...asked });
}

describe('the reader of HTTP answers', () => {
  it.each([
    ['a length', ['HTTP/1.1 200 OK', 'Content-Length: 2'], 'hi'],
    ['chunks', ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'], '1\r\nh\r\n1\r\ni\r\n0\r\n\r\n'],
  ])('takes a body by %s, and leaves what is behind it', (_how, head, body) => {
    const found = read(head, { body: `${body}HTTP` });
    expect(found?.answer).toMatchObject({ status: 200, body: 'hi', broken: [] });
    expect(found?.rest.toString()).toBe('HTTP');
  });

  it('takes a body without a length up to the end of the connection', () => {
    const head = ['HTTP/1.1 400 Bad Request', 'Connection: close'];
    expect(read(head, { body: '<h1>' })).toBeNull();
    expect(read(head, { body: '<h1>', ended: true })?.answer).toMatchObject({ body: '<h1>', broken: [] });
  });

  it('waits for the whole body, and not at all where there is no body', () => {
    expect(read(['HTTP/1.1 200 OK', 'Content-Length: 3'], { body: 'hi' })).toBeNull();
    expect(read(['HTTP/1.1 200 OK', 'Content-Length: 3'], { method: 'HEAD' })?.answer.broken).toEqual([]);
    expect(read(['HTTP/1.1 304 Not Modified', 'Content-Length: 3'])?.answer.broken).toEqual([]);
  });

  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  const upgraded = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket'];

  it('knows the answer to a handshake', () => {
    const accept = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
    expect(read([...upgraded, accept], { webSocketKey: key })?.answer.broken).toEqual([]);
    expect(read(upgraded, { webSocketKey: key })?.answer.broken).toEqual([expect.stringContaining('6455')]);
  });

  it.each([
    [['HTTP/1.1 204 No Content', 'Content-Length: 9223372036854775808'], /8\.6.*is 9223372036854775808/],
    [['HTTP/1.1 204 No Content', 'Content-Length: 0'], /8\.6: Content-Length in a 204/],
    [['HTTP/1.1 204 No Content', 'Transfer-Encoding: chunked'], /6\.1/],
    [[...upgraded, 'Content-Length: 0'], /8\.6: Content-Length in a 101/],
    [['HTTP/1.1 200 OK', 'Content-Length: 0', 'Content-Length: 0'], /content-length twice/],
    [['HTTP/1.1 200 OK', 'Content-Length: +0'], /digits/],
    [['HTTP/1.1 200 Fine', 'Content-Length: 0'], /15/],
    [['HTTP/1.0 200 OK', 'Content-Length: 0'], /status line/],
    [['HTTP/1.1 200 OK', 'Content-Length: 0', 'X : y'], /field line/],
    [['HTTP/1.1 200 OK', 'Content-Length: 0', 'X: a\0b'], /value of x/],
    [['HTTP/1.1 405 Method Not Allowed', 'Content-Length: 0'], /Allow/],
    [['HTTP/1.1 426 Upgrade Required', 'Content-Length: 0'], /426 without Upgrade/],
    [['HTTP/1.1 426 Upgrade Required', 'Content-Length: 0', 'Upgrade: websocket'], /7\.8/],
    [['HTTP/1.1 429 Too Many Requests', 'Content-Length: 0', 'Retry-After: 1.5'], /Retry-After/],
    [['HTTP/1.1 200 OK', 'Content-Length: 0', 'Date: today'], /Date/],
  ])('notices what RFC 9110 does not allow: %j', (head, rule) => {
    expect(read(head)?.answer.broken.join('\n')).toMatch(rule);
  });
});
