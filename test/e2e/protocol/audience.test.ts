import { describe, expect, it } from 'vitest';
import { connectText } from '../../support/plain/frames.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { relayForTests } from '../../support/servers/for-tests.ts';

/** docs/protocol.md, section 4: the URL that a client dialled, and signs. */
const relay = relayForTests();
const PUBLIC_URLS = [
  'wss://Relay.example/ws',
  'wss://two.example:8443/ws',
  'wss://three.example/ws',
  'wss://[2001:db8::1]/ws',
  'wss://bücher.example/ws',
];

/** Knows what clients dial. */
const named = relayForTests({ RELAY_PUBLIC_URL: PUBLIC_URLS.join(',') });

describe('the audience', () => {
  it('is listed with its siblings in connect_ack where a relay has several public URLs', async () => {
    const user = await registerUser(named.http);
    const socket = await PlainClient.challenged(named.ws);
    const { nonce } = socket.challenge();
    socket.sendData(user, connectText(user.code, { nonce, audience: 'wss://two.example:8443/ws' }));
    await socket.until(() => socket.received.length > 1);
    const audiences = PUBLIC_URLS.map((url) => new URL(url).href);
    expect(socket.messages[1]?.payload).toMatchObject({ audiences });
    await socket.close();
  });

  it('is null without RELAY_PUBLIC_URL, which accepts any; the relay warns at start', async () => {
    expect(relay.output).toContain('RELAY_PUBLIC_URL is not set');
    expect(named.output).not.toContain('RELAY_PUBLIC_URL is not set');
    for (const audience of [null, relay.ws, 'wss://anything.example/ws']) {
      const user = await registerUser(relay.http);
      const socket = await PlainClient.challenged(relay.ws);
      socket.sendData(user, connectText(user.code, { nonce: socket.challenge().nonce, audience }));
      await socket.until(() => socket.received.length > 1);
      expect(socket.received[1]).toContain('connect_ack');
      await socket.close();
    }
  });

  it.each([
    ['relay.example', 'wss://relay.example/ws'],
    ['RELAY.EXAMPLE', 'wss://relay.example/ws'],
    ['two.example:8443', 'wss://two.example:8443/ws'],
    ['TWO.example.:8443', 'wss://two.example:8443/ws'],
    ['three.example', 'wss://three.example/ws'],
    ['three.example:443', 'wss://three.example/ws'],
    ['Three.Example.:443', 'wss://three.example/ws'],
    ['three.example.', 'wss://three.example/ws'],
    ['three.example:', 'wss://three.example/ws'],
    ['[2001:DB8:0::1]:443', 'wss://[2001:db8::1]/ws'],
    ['xn--bcher-kva.example', 'wss://xn--bcher-kva.example/ws'],
    ['three.example:80', 'wss://relay.example/ws'],
    ['three.example/x', 'wss://relay.example/ws'],
    ['x@three.example', 'wss://relay.example/ws'],
    ['127.0.0.1:1', 'wss://relay.example/ws'],
  ])('of a client that dialled %s is %s', async (host, audience) => {
    const socket = await PlainClient.challenged(named.ws, { headers: { Host: host } });
    expect(socket.challenge().audience).toBe(audience);
    await socket.close();
  });

  it.each([
    ['wss://relay.example/ws', true],
    ['wss://two.example:8443/ws', true],
    ['wss://relay.example:443/ws', true],
    ['wss://RELAY.example/ws', true],
    ['wss://relay.example./ws', true],
    ['wss://[2001:db8:0:0::1]:443/ws', true],
    ['wss://bücher.example/ws', true],
    ['wss://relay.example:80/ws', false],
    ['wss://relay.example/WS', false],
    ['wss://x@relay.example/ws', false],
    ['ws://relay.example/ws', false],
    ['wss://relay.example/ws/', false],
    ['wss://relay.example.evil.example/ws', false],
    ['', false],
    [null, false],
  ])('%j, signed, is accepted: %j', async (audience, taken) => {
    const user = await registerUser(named.http);
    const socket = await PlainClient.challenged(named.ws);
    socket.sendData(user, connectText(user.code, { nonce: socket.challenge().nonce, audience }));
    await socket.until(() => socket.received.length > 1);
    if (taken) {
      expect(socket.received[1]).toContain('connect_ack');
      await socket.close();
      return;
    }
    expect(socket.errors()).toMatchObject([
      { code: 'bad_challenge', detail: expect.stringContaining('wss://relay.example/ws or wss://two') },
    ]);
    expect(await socket.untilClosed()).toEqual({ code: 4401, reason: 'bad_challenge' });
  });

  it('does not concern a client of protocol 1', async () => {
    const user = await registerUser(named.http);
    const socket = await PlainClient.login(named.ws, user);
    expect(socket.received[0]).toContain('connect_ack');
    await socket.close();
  });
});
