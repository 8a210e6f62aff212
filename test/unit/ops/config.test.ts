import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/ops/settings/config.ts';
import { ConfigError } from '../../../src/ops/settings/config-error.ts';
import { SETTINGS } from '../../../src/ops/settings/settings.ts';
import { folderForTests } from '../../support/folder.ts';

function mistakesOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}

describe('defaults', () => {
  test('serve on loopback, keep everything in memory and speak both protocols', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8080,
      adminHost: '127.0.0.1',
      adminPort: 9464,
      redisUrls: [],
      publicUrls: [],
      protocols: [1, 2],
      requireProof: false,
      registration: 'open',
      maxFrameBytes: 65_536,
      mailboxTtlMs: 604_800_000,
      mailboxEnvelopes: 1000,
      mailboxBytes: 4_194_304,
      drainMs: 10_000,
      redisWaitReplicas: 0,
      trustedProxies: [],
      allowedOrigins: '*',
      logLevel: 'info',
      web: true,
      windowEnvelopes: 256,
      windowBytes: 1_048_576,
      connectTimeoutMs: 10_000,
    });
  });

  test('give each node a unique name', () => {
    const first = loadConfig({}).nodeId;
    expect(first).toMatch(/^[0-9a-f]{8}$/);
    expect(loadConfig({}).nodeId).not.toBe(first);
  });

  test('hold for a variable that is empty, as compose files leave them', () => {
    const empty = Object.fromEntries(Object.values(SETTINGS).map(({ env }) => [env, ' ']));
    const { nodeId: _, ...config } = loadConfig(empty);
    const { nodeId: __, ...defaults } = loadConfig({});
    expect(config).toEqual(defaults);
  });
});

describe('values', () => {
  test('a public URL is kept as a client signs it: lower case, no default port', () => {
    const { publicUrls } = loadConfig({
      RELAY_PUBLIC_URL: 'WSS://Relay.Example:443/ws, wss://relay.example:8443/ws,ws://localhost:8080/ws',
    });
    expect(publicUrls).toEqual([
      'wss://relay.example/ws',
      'wss://relay.example:8443/ws',
      'ws://localhost:8080/ws',
    ]);
  });

  test('commas inside a Sentinel URL do not separate URLs; commas between URLs do', () => {
    const one = 'redis+sentinel://a:26379,b:26379/main';
    expect(loadConfig({ RELAY_REDIS_URL: one }).redisUrls).toEqual([one]);
    expect(loadConfig({ RELAY_REDIS_URL: 'redis://a:1, redis://b:2' }).redisUrls).toEqual([
      'redis://a:1',
      'redis://b:2',
    ]);
  });

  test('origins are kept as browsers send them', () => {
    const { allowedOrigins } = loadConfig({
      RELAY_ALLOWED_ORIGINS: 'https://Chat.Example:443/,http://b.example:81',
    });
    expect(allowedOrigins).toEqual(['https://chat.example', 'http://b.example:81']);
  });

  test('a proxy without a prefix is a single address', () => {
    const { trustedProxies } = loadConfig({ RELAY_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1, fd00::/8, ::1' });
    expect(trustedProxies).toEqual(['10.0.0.0/8', '192.0.2.1/32', 'fd00::/8', '::1/128']);
  });

  test('the TTL is given in seconds and kept in ms', () => {
    expect(loadConfig({ RELAY_MAILBOX_TTL: '60' }).mailboxTtlMs).toBe(60_000);
  });

  test.each([
    ['1', [1]],
    ['2', [2]],
    ['2, 1', [1, 2]],
  ])('RELAY_PROTOCOLS=%s', (text, protocols) => {
    expect(loadConfig({ RELAY_PROTOCOLS: text }).protocols).toEqual(protocols);
  });

  test('0 turns limits per address and user off', () => {
    expect(loadConfig({ RELAY_UPGRADES_PER_S: '0', RELAY_BYTES_PER_S: '0' })).toMatchObject({
      upgradesPerSecond: 0,
      bytesPerSecond: 0,
    });
  });
});

describe('mistakes', () => {
  test('are reported all at once, each with what would be right', () => {
    const mistakes = mistakesOf({
      RELAY_PORT: '80808',
      RELAY_WEB: 'yes',
      RELAY_LOG_LEVEL: 'loud',
      RELAY_MAX_SOCKETS: '0',
      RELAY_PUBLIC_URL: 'wss://ok.example/ws,https://relay.example',
      RELAY_TRUSTED_PROXIES: '10.0.0.0/33,10.0.0.0/8,x',
    });
    expect(mistakes).toEqual([
      'RELAY_PORT is "80808": must be a whole number from 0 to 65535',
      'RELAY_PUBLIC_URL is "wss://ok.example/ws,https://relay.example": must be the URL that clients dial, such as ' +
        'wss://relay.example/ws (always ending in /ws) (entry 2)',
      'RELAY_TRUSTED_PROXIES is "10.0.0.0/33,10.0.0.0/8,x": must be a list of networks such as 10.0.0.0/8 or fd00::/8 ' +
        '(entries 1, 3)',
      'RELAY_LOG_LEVEL is "loud": must be one of trace, debug, info, warn, error, silent',
      'RELAY_WEB is "yes": must be true or false',
      'RELAY_MAX_SOCKETS is "0": must be a whole number from 1 to 10000000',
    ]);
  });

  test.each([
    ['RELAY_PORT', '-1'],
    ['RELAY_PORT', '1e3'],
    ['RELAY_PORT', '0x50'],
    ['RELAY_PORT', '8080.0'],
    ['RELAY_HOST', 'two words'],
    ['RELAY_HOST', 'http://x'],
    ['RELAY_NODE_ID', '-a'],
    ['RELAY_NODE_ID', 'a{b}'],
    ['RELAY_PROTOCOLS', '3'],
    ['RELAY_PROTOCOLS', '1,1'],
    ['RELAY_PUBLIC_URL', 'wss://x/ws?y'],
    ['RELAY_PUBLIC_URL', 'wss://u:p@x/ws'],
    ['RELAY_ALLOWED_ORIGINS', 'https://a.example/chat'],
    ['RELAY_ALLOWED_ORIGINS', '*,https://a.example'],
    ['RELAY_TRUSTED_PROXIES', '10.0.0.0/33'],
    ['RELAY_TRUSTED_PROXIES', '10.0.0'],
    ['RELAY_TRUSTED_PROXIES', '::/129'],
    ['RELAY_TRUSTED_PROXIES', '10.0.0.0/8/8'],
    ['RELAY_MAX_FRAME_BYTES', '0'],
    ['RELAY_ACCOUNT_IDLE_TTL', '3600'],
    ['RELAY_ACCOUNT_IDLE_TTL', 'never'],
  ])('%s=%s is refused, by name', (name, value) => {
    const mistakes = mistakesOf({ [name]: value });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain(`${name} is ${JSON.stringify(value)}: must be`);
  });

  test.each([
    'http://user:hunter2@redis',
    'localhost:6379',
    'redis://:hunter2@a:1,b:2',
    'redis://',
    'redis+sentinel://a:1',
  ])('a wrong Redis URL is refused without repeating it, for it may hold a password (%#)', (url) => {
    expect(mistakesOf({ RELAY_REDIS_URL: url })).toEqual([
      expect.stringMatching(/^RELAY_REDIS_URL is wrong: must be redis:/),
    ]);
    expect(mistakesOf({ RELAY_REDIS_URL: url }).join()).not.toContain('hunter2');
  });

  test('an unknown setting is an error that suggests the closest name', () => {
    expect(mistakesOf({ RELAY_MAX_FRAMES_BYTE: '1' })).toEqual([
      'Unknown setting RELAY_MAX_FRAMES_BYTE: did you mean RELAY_MAX_FRAME_BYTES?',
    ]);
    expect(mistakesOf({ RELAY_SOMETHING_ELSE_ALTOGETHER: '1' })).toEqual([
      'Unknown setting RELAY_SOMETHING_ELSE_ALTOGETHER: `keyrelay --help` lists all settings',
    ]);
  });

  test('other variables, and those of client commands, are ignored', () => {
    expect(mistakesOf({ PATH: '/bin', XRELAY_PORT: 'x', RELAY_URL: 'http://127.0.0.1:8080' })).toEqual([]);
  });

  test('what Kubernetes sets for a Service called relay is explained', () => {
    const mistakes = mistakesOf({ RELAY_PORT: 'tcp://10.0.0.1:80' });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toContain('enableServiceLinks: false');
  });
});

test('a window must hold the 64 envelopes after which clients of protocol 2 acknowledge', () => {
  expect(() => loadConfig({ RELAY_WINDOW_ENVELOPES: '63' })).toThrow('RELAY_WINDOW_ENVELOPES');
  expect(loadConfig({ RELAY_WINDOW_ENVELOPES: '64' }).windowEnvelopes).toBe(64);
});

describe('relations between limits', () => {
  test.each(['RELAY_WINDOW_BYTES', 'RELAY_MAILBOX_BYTES', 'RELAY_INFLIGHT_BYTES', 'RELAY_BYTES_PER_S'])(
    '%s must hold the largest frame',
    (name) => {
      const mistakes = mistakesOf({ [name]: '65535' });
      expect(mistakes).toHaveLength(1);
      expect(mistakes[0]).toContain(`${name} is 65535: must be at least RELAY_MAX_FRAME_BYTES (65536)`);
      expect(mistakesOf({ [name]: '65536' })).toEqual([]);
    },
  );

  test('a node must have room for what one socket may use', () => {
    expect(mistakesOf({ RELAY_NODE_INFLIGHT_BYTES: '1048575' })).toHaveLength(1);
  });

  test('a limit that is off is not compared', () => {
    expect(mistakesOf({ RELAY_BYTES_PER_S: '0' })).toEqual([]);
  });

  test('waiting for replicas needs Redis', () => {
    expect(mistakesOf({ RELAY_REDIS_WAIT_REPLICAS: '1' })).toHaveLength(1);
    expect(mistakesOf({ RELAY_REDIS_WAIT_REPLICAS: '1', RELAY_REDIS_URL: 'redis://127.0.0.1' })).toEqual([]);
  });
});

describe('waking', () => {
  const secret = `whsec_${'A'.repeat(32)}`;
  const url = 'https://push.example/keyrelay';

  test('needs a URL and a secret, as bytes', () => {
    const config = loadConfig({ RELAY_WAKE_URL: url, RELAY_WAKE_SECRET: secret });
    expect(config).toMatchObject({ wakeUrl: url, wakePrivate: false });
    expect(config.wakeSecret).toEqual(Buffer.alloc(24));
    expect(mistakesOf({ RELAY_WAKE_URL: url })).toEqual([
      'RELAY_WAKE_URL needs RELAY_WAKE_SECRET, by which the receiver knows that a message is yours',
    ]);
  });

  test('by http: only where private addresses are allowed', () => {
    const env = { RELAY_WAKE_URL: 'http://10.0.0.1/', RELAY_WAKE_SECRET: secret };
    expect(mistakesOf(env)).toEqual(['RELAY_WAKE_URL must be https:, or RELAY_WAKE_PRIVATE must be true']);
    expect(mistakesOf({ ...env, RELAY_WAKE_PRIVATE: 'true' })).toEqual([]);
  });

  test.each([
    'relay.example',
    'ftp://push.example/',
    'https://user:pw@push.example/',
    'https://push.example/#a',
  ])('refuses the URL %s without printing it', (wrong) => {
    const mistakes = mistakesOf({ RELAY_WAKE_URL: wrong, RELAY_WAKE_SECRET: secret });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(/^RELAY_WAKE_URL is wrong: must be a URL such as https:/);
    expect(mistakes[0]).not.toContain(wrong);
  });

  test.each(['topsecret', `whsec_${'A'.repeat(31)}`, `whsec_${'A'.repeat(92)}`, `${secret}!`])(
    'refuses the secret %s without printing it',
    (wrong) => {
      const [mistake = ''] = mistakesOf({ RELAY_WAKE_SECRET: wrong });
      expect(mistake).toMatch(/^RELAY_WAKE_SECRET is wrong: must be whsec_ and 24 to 64 random bytes/);
      expect(mistake).not.toContain(`${wrong} `);
    },
  );
});

describe('a secret', () => {
  const folder = folderForTests();
  const file = join(folder, 'redis');
  beforeAll(() => writeFileSync(file, ' redis://:pw@127.0.0.1:6379\n'));

  test('may stand in a file', () => {
    expect(loadConfig({ RELAY_REDIS_URL_FILE: file }).redisUrls).toEqual(['redis://:pw@127.0.0.1:6379']);
  });

  test('may not stand in two places, or in a file that is not there', () => {
    expect(mistakesOf({ RELAY_REDIS_URL_FILE: file, RELAY_REDIS_URL: 'redis://a' })).toEqual([
      'RELAY_REDIS_URL and RELAY_REDIS_URL_FILE: set one of them',
    ]);
    const [mistake] = mistakesOf({ RELAY_REDIS_URL_FILE: join(folder, 'none') });
    expect(mistake).toMatch(/^RELAY_REDIS_URL_FILE cannot be read: ENOENT/);
  });

  test('alone may: there is no RELAY_PORT_FILE', () => {
    expect(mistakesOf({ RELAY_PORT_FILE: file })[0]).toMatch(/^Unknown setting RELAY_PORT_FILE/);
  });
});
