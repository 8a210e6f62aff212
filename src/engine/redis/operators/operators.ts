import { formatCreatedAt } from '../../created-at.ts';
import type { Audit, DeadLetter, Operators, Page, Reports, UserCard } from '../../verbs/operators.ts';
import type { Leaving } from '../accounts/leaving.ts';
import type { Calls } from '../cluster/calls.ts';
import { scanPage } from '../cluster/pages.ts';
import type { Router } from '../cluster/router.ts';
import { listOf, textOf } from '../connection/reply.ts';
import type { Accounts } from '../mailbox/accounts.ts';
import { deadLetterKey, keyRecord, keysBesideUser, userKey } from '../schema.ts';
import type { Scripts } from '../scripts.ts';

export interface RedisOperatorsOptions {
  readonly calls: Calls;
  readonly scripts: Scripts;
  readonly router: Router;
  readonly accounts: Accounts;
  readonly leaving: Leaving;
  readonly audit: Audit;
  readonly reports: Reports;
  readonly durable: boolean;
}

/** A claim's epoch is the time in milliseconds, unless the clock went back; no account is older than this. */
const EPOCH_IS_TIME_MS = 1_500_000_000_000;

/** See `Operators`. */
export class RedisOperators implements Operators {
  readonly audit: Audit;
  readonly reports: Reports;
  readonly #options: RedisOperatorsOptions;

  constructor(options: RedisOperatorsOptions) {
    this.audit = options.audit;
    this.reports = options.reports;
    this.#options = options;
  }

  async show(code: string): Promise<UserCard | 'gone' | null> {
    const { accounts, calls } = this.#options;
    const account = await accounts.find(code);
    if (account === null || account === 'gone') return account;
    const fields = [
      'epoch',
      'token',
      'node',
      'count',
      'total',
      'base',
      'oldest',
      'guard',
      'banned',
      'ban_reason',
    ];
    const reply = await calls.command('show', userKey(code), ['HMGET', userKey(code), ...fields]);
    const [epoch, token, node, count, total, base, oldest, guard, banned, reason] = listOf(reply).map(textOf);
    const envelopes = Number(count);
    const loginMs = Number(epoch);
    const untilUs = Number(banned);
    const isBanned = guard?.includes('x') === true && (untilUs === 0 || untilUs > Date.now() * 1000);
    return {
      ...account,
      lastLoginAt: loginMs > EPOCH_IS_TIME_MS ? formatCreatedAt(loginMs * 1000) : null,
      waiting: {
        envelopes,
        bytes: Number(total) - Number(base),
        since: envelopes > 0 ? formatCreatedAt(Number(oldest)) : null,
      },
      node: token === '' ? null : (node ?? null),
      ban: isBanned ? { until: untilUs === 0 ? null : formatCreatedAt(untilUs), reason: reason ?? '' } : null,
    };
  }

  async findByKey(eddsaPublicKey: string): Promise<string | null> {
    const { calls, accounts } = this.#options;
    const key = keyRecord(eddsaPublicKey);
    const code = textOf(await calls.command('find-key', key, ['GET', key]));
    const account = code === null ? null : await accounts.find(code);
    if (account === null || account === 'gone') return null;
    return account.eddsaPublicKey === eddsaPublicKey ? code : null;
  }

  async list(after: string | null): Promise<Page<UserCard>> {
    const { items, next } = await scanPage(this.#options.router, userKey('*'), after);
    const cards = await Promise.all(items.map((key) => this.show(codeOf(key))));
    return { items: cards.filter((card) => card !== null && card !== 'gone'), next };
  }

  ban(code: string, { forMs, reason }: { forMs: number | null; reason: string }): Promise<boolean> {
    return this.#act(code, 'ban', forMs, reason);
  }

  unban(code: string): Promise<boolean> {
    return this.#act(code, 'unban');
  }

  disconnect(code: string): Promise<boolean> {
    return this.#act(code, 'disconnect');
  }

  remove(code: string): Promise<boolean> {
    return this.#options.leaving.remove(code, null);
  }

  async purge(code: string): Promise<number | null> {
    const { calls, scripts, durable } = this.#options;
    const count = Number(
      await calls.run({
        script: scripts['operators/purge'],
        key: userKey(code),
        beside: () => keysBesideUser(code),
        args: () => [],
        durable,
      }),
    );
    return count < 0 ? null : count;
  }

  async deadLetters(after: string | null): Promise<Page<{ code: string; count: number }>> {
    const { calls, router } = this.#options;
    const { items, next } = await scanPage(router, deadLetterKey('*'), after);
    const counts = await Promise.all(
      items.map(async (key) => ({
        code: codeOf(key),
        count: Number(await calls.command('show', key, ['XLEN', key])),
      })),
    );
    return { items: counts.filter(({ count }) => count > 0), next };
  }

  async deadLettersOf(code: string): Promise<readonly DeadLetter[]> {
    const key = deadLetterKey(code);
    const entries = listOf(await this.#options.calls.command('show', key, ['XRANGE', key, '-', '+']));
    return entries.map((entry) => {
      const [, fields] = listOf(entry);
      const words = listOf(fields ?? []).map((word) => textOf(word) ?? '');
      const field = (name: string) => words[words.findIndex((word, i) => i % 2 === 0 && word === name) + 1];
      const [, , , , , content = ''] = words;
      return {
        id: field('id') ?? '',
        reason: field('why') ?? '',
        bytes: Buffer.byteLength(content),
        content,
      };
    });
  }

  async dropDeadLetter(code: string, id: string): Promise<boolean> {
    const { calls } = this.#options;
    const key = deadLetterKey(code);
    const entries = listOf(await calls.command('show', key, ['XRANGE', key, '-', '+'])).map(listOf);
    const entry = entries.find(([, fields]) =>
      listOf(fields ?? []).some((word, i) => i === 1 && textOf(word) === id),
    );
    if (entry === undefined) return false;
    return Number(await calls.command('drop', key, ['XDEL', key, textOf(entry[0]) ?? ''])) === 1;
  }

  async #act(
    code: string,
    what: 'ban' | 'unban' | 'disconnect',
    forMs: number | null = null,
    reason = '',
  ): Promise<boolean> {
    const { calls, scripts, durable } = this.#options;
    const reply = await calls.run({
      script: scripts['operators/ban'],
      key: userKey(code),
      beside: () => keysBesideUser(code),
      args: () => [what, forMs === null ? '' : `${forMs}`, Buffer.from(reason, 'utf8')],
      durable,
    });
    return textOf(reply) === 'done';
  }
}

/** CODE of `name:{CODE}`. */
function codeOf(key: string): string {
  return key.slice(key.indexOf('{') + 1, key.indexOf('}'));
}
