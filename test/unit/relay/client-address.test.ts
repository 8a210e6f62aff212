import { describe, expect, it, test } from 'vitest';
import { AddressReader } from '../../../src/relay/transport/client-address.ts';

/** The address that limits count, from what the trusted proxies write. */

const PROXY = '10.1.2.3';

interface Evidence {
  readonly peer?: string;
  readonly forwardedFor?: string;
  readonly forwarded?: string;
  readonly proxied?: string;
}

const warnings: string[] = [];

function readerOf(trusted = ['10.0.0.0/8', '127.0.0.1/32', 'fd00::/8']): (evidence: Evidence) => string {
  warnings.length = 0;
  const reader = new AddressReader(trusted, (reason) => warnings.push(reason));
  return ({ peer = PROXY, forwardedFor = '', forwarded = '', proxied = '' }) =>
    reader.read({ peer, forwardedFor, forwarded, proxied });
}

const read = (evidence: Evidence) => readerOf()(evidence);

describe('the peer', () => {
  it('counts, unless it is a trusted proxy', () => {
    expect(read({ peer: '203.0.113.9', forwardedFor: '198.51.100.1' })).toBe('203.0.113.9');
    expect(read({ peer: '203.0.113.9', forwarded: 'for=198.51.100.1' })).toBe('203.0.113.9');
    expect(read({ peer: '203.0.113.9', proxied: '198.51.100.1' })).toBe('203.0.113.9');
    expect(read({ forwardedFor: '198.51.100.1' })).toBe('198.51.100.1');
    expect(read({ forwarded: 'for=198.51.100.1' })).toBe('198.51.100.1');
    expect(read({ proxied: '198.51.100.1' })).toBe('198.51.100.1');
    expect(read({})).toBe(PROXY);
    expect(readerOf([])({ peer: '127.0.0.1', forwardedFor: '198.51.100.1' })).toBe('127.0.0.1');
  });

  it.each([
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002:0000:0000:0000:0001', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:1::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9'],
    ['0000:0000:0000:0000:0000:ffff:cb00:7109', '203.0.113.9'],
    ['0:0:0:0:0:FFFF:203.0.113.9', '203.0.113.9'],
  ])('%s counts as %s: IPv6 by /64, mapped IPv4 as IPv4', (peer, counted) => {
    expect(read({ peer })).toBe(counted);
  });
});

describe('an entry of X-Forwarded-For', () => {
  it.each([
    ['203.0.113.8', '203.0.113.8'],
    ['203.0.113.8:50123', '203.0.113.8'],
    ['203.0.113.8:', '203.0.113.8'],
    ['  203.0.113.8\t', '203.0.113.8'],
    ['"203.0.113.8"', '203.0.113.8'],
    ['"203.0.113.8:50123"', '203.0.113.8'],
    ['2001:db8:1::1', '2001:db8:1:0::/64'],
    ['[2001:db8:1::1]', '2001:db8:1:0::/64'],
    ['[2001:db8:1::1]:50123', '2001:db8:1:0::/64'],
    ['"[2001:db8:1::1]:50123"', '2001:db8:1:0::/64'],
    ['[2001:DB8:1::1%25eth0]:50123', '2001:db8:1:0::/64'],
    ['2001:db8:1:0:0:0:0:1:50123', '2001:db8:1:0::/64'],
    ['::ffff:203.0.113.8', '203.0.113.8'],
    ['[::ffff:203.0.113.8]:50123', '203.0.113.8'],
    ['[::ffff:cb00:7108]:50123', '203.0.113.8'],
  ])('%j is %s', (entry, counted) => {
    expect(read({ forwardedFor: entry })).toBe(counted);
    expect(warnings).toEqual([]);
  });

  it('is the last one that a trusted proxy did not append: a client may have written those before it', () => {
    expect(read({ forwardedFor: '1.1.1.1, 198.51.100.1, 10.9.9.9' })).toBe('198.51.100.1');
    expect(read({ forwardedFor: '1.1.1.1, 198.51.100.1:4711, 10.9.9.9:80' })).toBe('198.51.100.1');
    expect(read({ forwardedFor: '1.1.1.1,198.51.100.1,[fd00::7]:80' })).toBe('198.51.100.1');
    expect(read({ forwardedFor: '10.4.4.4, 10.9.9.9' })).toBe('10.4.4.4');
  });

  it('does not count if it is empty, as in lists of several lines', () => {
    expect(read({ forwardedFor: '1.1.1.1,, 198.51.100.1, ,' })).toBe('198.51.100.1');
  });

  it('may be rubbish where a client wrote it', () => {
    expect(read({ forwardedFor: 'rubbish, "for=x, 198.51.100.1' })).toBe('198.51.100.1');
    expect(warnings).toEqual([]);
  });
});

describe('an element of Forwarded (RFC 7239)', () => {
  it.each([
    ['for=192.0.2.60', '192.0.2.60'],
    ['For=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60'],
    ['proto=https; for=192.0.2.60', '192.0.2.60'],
    ['for="192.0.2.60:4711"', '192.0.2.60'],
    ['for=192.0.2.60:4711', '192.0.2.60'],
    ['for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe:0::/64'],
    ['for="[2001:db8:cafe::17]"', '2001:db8:cafe:0::/64'],
    ['for="[2001:db8:cafe::17]:_obfuscated"', '2001:db8:cafe:0::/64'],
    ['for=192.0.2.43, for=198.51.100.17', '198.51.100.17'],
    ['for=192.0.2.43, for="198.51.100.17";by="[fd00::1]:80;x", for=10.3.3.3', '198.51.100.17'],
    ['host="a,b;for=1.1.1.1";for=198.51.100.17', '198.51.100.17'],
    ['host="a\\",for=1.1.1.1";for=198.51.100.17', '198.51.100.17'],
  ])('%s is %s', (forwarded, counted) => {
    expect(read({ forwarded })).toBe(counted);
    expect(warnings).toEqual([]);
  });

  it('is not one that a client has hidden in quotes', () => {
    for (const proxys of ['for=198.51.100.17', 'for="[2001:db8::17]:4711"']) {
      expect(read({ forwarded: `for=9.9.9.9, for="x,${proxys}` })).toBe(PROXY);
      expect(read({ forwarded: `for=9.9.9.9, for="x\\,${proxys}` })).toBe(PROXY);
    }
  });
});

describe('a trusted proxy that names no client that can be read', () => {
  test.each([
    [{ forwardedFor: 'unknown' }, '"xxxxxxx"'],
    [{ forwardedFor: '198.51.100.1, unknown' }, '"xxxxxxx"'],
    [{ forwardedFor: '_hidden' }, '"_xxxxxx"'],
    [{ forwardedFor: 'client.example:80' }, '"xxxxxx.xxxxxxx:xx"'],
    [{ forwardedFor: '256.1.1.1' }, '"xxx.x.x.x"'],
    [{ forwardedFor: '[203.0.113.8' }, '"[xxx.x.xxx.x"'],
    [{ forwardedFor: '2001:db8::1::2' }, '"xxxx:xxx::x::x"'],
    [{ forwarded: 'for=unknown' }, '"xxx=xxxxxxx"'],
    [{ forwarded: 'for="_gazonk"' }, '"xxx=\\"_xxxxxx\\""'],
    [{ forwarded: 'proto=https' }, '"xxxxx=xxxxx"'],
    [{ forwarded: 'for=1.2.3.4;for=198.51.100.1' }, '"xxx=x.x.x.x;xxx=xxx.xx.xxx.x"'],
    [{ forwarded: 'for="198.51.100.1' }, '"xxx=\\"xxx.xx.xxx.x"'],
  ])('%j counts as itself, and is warned of, masked', (evidence, shape) => {
    expect(read(evidence)).toBe(PROXY);
    expect(warnings).toEqual([`no address can be read from ${shape}`]);
  });

  test('is warned of once', () => {
    const reader = readerOf();
    for (let n = 0; n < 3; n += 1) reader({ forwardedFor: 'unknown' });
    reader({ forwarded: 'for=_x' });
    expect(warnings).toHaveLength(1);
  });

  test('behind another one counts as that other', () => {
    expect(read({ forwardedFor: '198.51.100.1, unknown, 10.9.9.9' })).toBe('10.9.9.9');
    expect(warnings).toHaveLength(1);
  });
});

describe('both headers', () => {
  it('count if they agree', () => {
    expect(read({ forwardedFor: '198.51.100.1:80', forwarded: 'for=198.51.100.1' })).toBe('198.51.100.1');
    expect(warnings).toEqual([]);
  });

  it('are not believed if they do not: the client may have written one', () => {
    expect(read({ forwardedFor: '198.51.100.1', forwarded: 'for=198.51.100.2' })).toBe(PROXY);
    expect(warnings).toEqual(['X-Forwarded-For and Forwarded name different clients']);
    expect(read({ forwardedFor: '198.51.100.1', forwarded: 'for=unknown' })).toBe(PROXY);
  });
});
