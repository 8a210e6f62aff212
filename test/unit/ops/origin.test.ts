import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/ops/settings/config.ts';
import { ConfigError } from '../../../src/ops/settings/config-error.ts';
import { allowsOrigin } from '../../../src/relay/transport/origins.ts';

const read = (text: string) => loadConfig({ RELAY_ALLOWED_ORIGINS: text }).allowedOrigins;

describe('RELAY_ALLOWED_ORIGINS keeps an entry as browsers send it', () => {
  test.each([
    ['https://Chat.Example:443/', 'https://chat.example'],
    ['http://b.example:81', 'http://b.example:81'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['https://*.Chat.Example:443/', 'https://*.chat.example'],
    ['https://*.chat.example:8443', 'https://*.chat.example:8443'],
    ['http://*.localhost:3000', 'http://*.localhost:3000'],
    ['https://*.bücher.example', 'https://*.xn--bcher-kva.example'],
    ['null', 'null'],
    ['file://', 'file://'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['Tauri://localhost', 'tauri://localhost'],
    ['ionic://localhost', 'ionic://localhost'],
    ['app://.', 'app://.'],
    [
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
    ],
    [
      'moz-extension://3c4b6a5e-0f0e-4c5e-9d1e-0123456789ab',
      'moz-extension://3c4b6a5e-0f0e-4c5e-9d1e-0123456789ab',
    ],
  ])('%s', (text, kept) => {
    expect(read(text)).toEqual([kept]);
  });
});

describe('RELAY_ALLOWED_ORIGINS refuses what no browser could send', () => {
  test.each([
    'https://*',
    'https://*.',
    'https://*.*.example',
    'https://a.*.example',
    'https://a*.example',
    'https://*a.example',
    'https://*.example/path',
    'https://*.192.0.2.1',
    'https://*.[::1]',
    'https://*.example:*',
    '*.example',
    '*://chat.example',
    '*, https://chat.example',
    '**',
    'chat.example',
    'chat.example:8080',
    'localhost:3000',
    'https://chat.example/path',
    'https://chat.example?x',
    'https://user@chat.example',
    'https://chat.example:99999',
    'wss://chat.example',
    'ws://localhost:3000',
    'ftp://chat.example',
    'htps://chat.example',
    'htttps://chat.example',
    'file:///index.html',
    'data:text/html,x',
    'about:blank',
    'blob:https://chat.example/1',
    'capacitor://localhost/path',
    'capacitor:localhost',
    'capacitor://',
    'capacitor://*.localhost',
    'NULL',
    'https://chat.example,',
  ])('%s', (text) => {
    expect(() => read(text)).toThrow(ConfigError);
    expect(() => read(text)).toThrow(/must be \* alone, or a list of origins such as/);
  });
});

describe('an origin is allowed', () => {
  const allowed = read('https://chat.example, https://*.apps.example:8443, capacitor://localhost, null');

  test.each([
    'https://chat.example',
    'https://a.apps.example:8443',
    'https://a-b_2.apps.example:8443',
    'https://xn--bcher-kva.apps.example:8443',
    'capacitor://localhost',
    'null',
  ])('%s', (origin) => expect(allowsOrigin(allowed, origin)).toBe(true));

  test('any, by default', () => expect(allowsOrigin(read(''), 'https://any.example')).toBe(true));

  test.each([
    'https://apps.example:8443',
    'https://.apps.example:8443',
    'https://a.b.apps.example:8443',
    'https://a.apps.example',
    'https://a.apps.example:84430',
    'https://a/.apps.example:8443',
    'https://evil.example/.apps.example:8443',
    'https://evil.example:8443?.apps.example:8443',
    'https://A.apps.example:8443',
    'https://*.apps.example:8443',
    'http://a.apps.example:8443',
    'https://a.apps.example:8443.evil.example',
    'https://chat.example.evil.example',
    'https://sub.chat.example',
    'capacitor://localhost2',
    'nullnull',
    '',
  ])('not %j', (origin) => expect(allowsOrigin(allowed, origin)).toBe(false));
});
