import { describe, expect, it } from 'vitest';
import { sameUrl } from '../../../src/relay/transport/public-url.ts';

describe('URLs of a relay are the same', () => {
  it.each([
    ['wss://b.example/ws', 'wss://b.example:443/ws'],
    ['wss://b.example/ws', 'wss://b.example:/ws'],
    ['ws://b.example/ws', 'ws://b.example:80/ws'],
    ['wss://b.example/ws', 'WSS://B.Example/ws'],
    ['wss://b.example/ws', 'wss://b.example./ws'],
    ['wss://b.example:8443/ws', 'wss://B.EXAMPLE.:8443/ws'],
    ['wss://b.example/ws', 'wss://b.example/./ws'],
    ['wss://b.example/ws', 'wss://b.example/x/../ws'],
    ['wss://b.example/ws', 'wss://b.example/%77s'],
    ['wss://[2001:db8::1]/ws', 'wss://[2001:DB8:0:0:0:0:0:1]:443/ws'],
    ['wss://[::ffff:192.0.2.1]/ws', 'wss://[::FFFF:c000:201]/ws'],
    ['wss://bücher.example/ws', 'wss://xn--bcher-kva.example/ws'],
    ['wss://BÜCHER.example/ws', 'wss://bücher.example:443/ws'],
    ['wss://b%2Eexample/ws', 'wss://b.example/ws'],
  ])('%s and %s', (one, other) => {
    expect(sameUrl(one, other)).toBe(true);
    expect(sameUrl(other, one)).toBe(true);
  });
});

describe('URLs of a relay are not the same', () => {
  it.each([
    ['wss://b.example/ws', 'ws://b.example/ws'],
    ['wss://b.example/ws', 'ws://b.example:443/ws'],
    ['wss://b.example/ws', 'wss://b.example:80/ws'],
    ['wss://b.example/ws', 'wss://b.example/WS'],
    ['wss://b.example/ws', 'wss://b.example/ws/'],
    ['wss://b.example/ws', 'wss://b.example/ws?'.concat('x')],
    ['wss://b.example/ws', 'wss://b.example/ws#x'],
    ['wss://b.example/ws', 'wss://b.example../ws'],
    ['wss://b.example/ws', 'wss://.b.example/ws'],
    ['wss://b.example/ws', 'wss://user@b.example/ws'],
    ['wss://b.example/ws', 'wss://b.example.evil.example/ws'],
    ['wss://b.example/ws', 'wss://b.example@evil.example/ws'],
    ['wss://b.example/ws', 'https://b.example/ws'],
    ['wss://b.example/ws', 'wss://b.example:65536/ws'],
    ['wss://b.example/ws', 'wss:///ws'],
    ['wss://b.example/ws', ''],
    ['https://b.example/ws', 'HTTPS://b.example/ws'],
  ])('%s and %s', (one, other) => {
    expect(sameUrl(one, other)).toBe(false);
    expect(sameUrl(other, one)).toBe(false);
  });
});
