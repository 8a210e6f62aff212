import { demand, newKeys, sha256, signature } from '../peer.ts';
import { type ClientCase, forged } from './case.ts';
import type { Stage } from './stage.ts';

const CHECKS = '6.1 Order of checks';
const TRUST = '6.2 Trust';

const SMALL_ORDER = 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800';
/** The base point, 9, plus the prime. */
const NOT_CANONICAL = `f6${'ff'.repeat(30)}7f`;

export const CHECK_CASES: readonly ClientCase[] = [
  {
    section: CHECKS,
    name: 'takes nothing that the pinned key has not signed',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      stage.relay.deliver('', forged(stage.partner.message('forged', {})));
      await stage.hears('genuine');
    },
  },
  {
    section: CHECKS,
    name: 'takes nothing that is for another recipient',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      const data = stage.partner.message('not for you', {});
      stage.relay.deliver(data.replace(`"recipient":"${stage.relay.client.code}"`, '"recipient":"Z000000"'));
      await stage.hears('for you');
    },
  },
  {
    section: CHECKS,
    name: 'takes nothing whose outermost sender is not the one whose key has verified',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      const sender = `"sender":"${stage.partner.user.code}"`;
      const data = stage.partner.message('by another sender', {});
      stage.relay.deliver(data.replace(sender, `"more":{${sender}},"sender":"Q000000"`));
      await stage.hears('by its sender');
    },
  },
  {
    section: CHECKS,
    name: 'refuses equal names in what is signed',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      const data = stage.partner.message('two types', {});
      stage.relay.deliver(data.replace('"type":"message"', '"type":"note","type":"message"'));
      await stage.hears('one type');
    },
  },
  {
    section: CHECKS,
    name: 'refuses equal names in a plaintext',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      const place = `"id":"t","stream":"${'ab'.repeat(16)}","number":0,"base":0`;
      const text = `{"type":"note","type":"message",${place},"body":"two types","at":"2026-01-02T03:04:05.678Z"}`;
      stage.relay.deliver(stage.partner.message('', { text }));
      await stage.hears('one type');
    },
  },
  ...(
    [
      ['of small order', SMALL_ORDER],
      ['not canonical', NOT_CANONICAL],
    ] as const
  ).map(([what, key]) => ({
    section: CHECKS,
    name: `does not answer a request whose key is ${what}`,
    run: async (stage: Stage) => {
      await stage.login();
      const data = stage.partner.request(key);
      stage.relay.deliver(data);
      await stage.exchangesKeys();
      demand(!stage.partner.answers.includes(sha256(data)), 'it has answered such a request');
    },
  })),
  {
    section: TRUST,
    name: 'takes nothing signed by a key that the relay names later',
    run: async (stage) => {
      await stage.login();
      await stage.exchangesKeys();
      await stage.hears('before');
      const stranger = { ...newKeys(), code: stage.partner.user.code };
      stage.relay.directory = stranger;
      const data = stage.partner.message('by another key', {});
      stage.relay.deliver('', `{"data":${data},"signature":"${signature(stranger, data)}"}`);
      await stage.hears('by the pinned key');
    },
  },
];
