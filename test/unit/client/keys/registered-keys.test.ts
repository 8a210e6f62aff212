import { bytesToHex } from '@noble/hashes/utils.js';
import { expect, test } from 'vitest';
import { RegisteredKeys } from '../../../../src/client/account/registered-keys.ts';
import { createIdentity, memoryStorage } from '../../../../src/client/index.ts';
import { Records } from '../../../../src/client/storage/records.ts';

const DAY_MS = 86_400_000;

test('a registered key that was replaced opens for eight days, over restarts too, and is then erased', async () => {
  const storage = memoryStorage();
  const identity = createIdentity();
  const opened = async (nowMs: number) => {
    const keys = new RegisteredKeys(identity, await Records.open(storage));
    await keys.forgetOld(nowMs);
    return keys;
  };
  const keys = await opened(0);
  expect(keys.secretOf(identity.ecdhPublicKey)).toBe(bytesToHex(identity.exchangeKey));
  const next = await keys.make();
  // The relay may have it already, before it has answered.
  expect((await opened(0)).secretOf(next.ecdhPublicKey)).toBe(bytesToHex(next.exchangeKey));
  await keys.took(next, DAY_MS);

  const later = await opened(8 * DAY_MS);
  expect(later.secretOf(identity.ecdhPublicKey)).toBe(bytesToHex(identity.exchangeKey));
  const muchLater = await opened(9 * DAY_MS);
  expect(muchLater.secretOf(identity.ecdhPublicKey)).toBeUndefined();
  expect(muchLater.secretOf(next.ecdhPublicKey)).toBe(bytesToHex(next.exchangeKey));
  expect([...(await storage.load()).values()].join()).not.toContain(bytesToHex(identity.exchangeKey));
});
