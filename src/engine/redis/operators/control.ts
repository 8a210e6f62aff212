import { randomBytes } from 'node:crypto';
import type { Control } from '../../verbs/control.ts';
import type { Calls } from '../cluster/calls.ts';
import { listOf, textOf } from '../connection/reply.ts';
import { CHANGED_SETTINGS, drainKey, SECRET } from '../schema.ts';

/** An order that no node has taken by then is forgotten. */
const DRAIN_TTL_MS = 60_000;
/** More than there are settings. */
const SETTINGS_MAX = 1_000;

/** See `Control`. */
export class RedisControl implements Control {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    const scan = ['HSCAN', CHANGED_SETTINGS, '0', 'COUNT', `${SETTINGS_MAX}`];
    const [, fields = []] = listOf(await this.#calls.command('control', CHANGED_SETTINGS, scan));
    const words = listOf(fields).map((word) => textOf(word) ?? '');
    return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ''] as const] : [])));
  }

  async changeSetting(name: string, value: string | null): Promise<void> {
    const command =
      value === null ? ['HDEL', CHANGED_SETTINGS, name] : ['HSET', CHANGED_SETTINGS, name, value];
    await this.#calls.command('control', CHANGED_SETTINGS, command);
  }

  async askToDrain(nodeId: string): Promise<void> {
    const key = drainKey(encodeURIComponent(nodeId));
    await this.#calls.command('control', key, ['SET', key, '1', 'PX', `${DRAIN_TTL_MS}`]);
  }

  async takeDrain(nodeId: string): Promise<boolean> {
    const key = drainKey(encodeURIComponent(nodeId));
    return Number(await this.#calls.command('control', key, ['DEL', key])) === 1;
  }

  async secret(): Promise<string> {
    const made = randomBytes(32).toString('hex');
    // Of several nodes that make one at once, the first wins. Read anew each time: a copy could outlive a failover.
    const known = await this.#calls.command('control', SECRET, ['SET', SECRET, made, 'NX', 'GET']);
    return textOf(known) ?? made;
  }
}
