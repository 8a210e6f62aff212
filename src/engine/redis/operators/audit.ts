import { AUDIT_MAX } from '../../bounds.ts';
import { formatCreatedAt } from '../../created-at.ts';
import type { Audit, AuditEntry, AuditLine, Page } from '../../verbs/operators.ts';
import type { Calls } from '../cluster/calls.ts';
import { listOf, textOf } from '../connection/reply.ts';
import { AUDIT } from '../schema.ts';

const PAGE = 100;
const FIELDS = ['operator', 'node', 'action', 'target', 'reason'] as const;

/** See `Audit`. A capped stream. */
export class AuditLog implements Audit {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  async record(entry: AuditEntry): Promise<void> {
    const fields = FIELDS.flatMap((name) => [name, Buffer.from(entry[name], 'utf8')]);
    await this.#calls.command('audit', AUDIT, ['XADD', AUDIT, 'MAXLEN', '~', `${AUDIT_MAX}`, '*', ...fields]);
  }

  async page(after: string | null): Promise<Page<AuditLine>> {
    const to = after === null ? '+' : `(${after}`;
    const reply = await this.#calls.command('audit', AUDIT, [
      'XREVRANGE',
      AUDIT,
      to,
      '-',
      'COUNT',
      `${PAGE}`,
    ]);
    const items = listOf(reply).map((entry) => {
      const [id, fields] = listOf(entry);
      const words = listOf(fields ?? []).map((word) => textOf(word) ?? '');
      const field = (name: string) =>
        words[words.findIndex((word, i) => i % 2 === 0 && word === name) + 1] ?? '';
      const [ms = '0'] = (textOf(id ?? null) ?? '').split('-');
      return {
        id: textOf(id ?? null) ?? '',
        at: formatCreatedAt(Number(ms) * 1000),
        operator: field('operator'),
        node: field('node'),
        action: field('action'),
        target: field('target'),
        reason: field('reason'),
      };
    });
    return { items, next: items.length < PAGE ? null : (items.at(-1)?.id ?? null) };
  }
}
