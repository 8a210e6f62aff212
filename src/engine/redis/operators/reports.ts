import { formatCreatedAt } from '../../created-at.ts';
import type { Page, Report, ReportLine, Reports } from '../../verbs/operators.ts';
import type { Calls } from '../cluster/calls.ts';
import { listOf, textOf } from '../connection/reply.ts';
import { keysBesideReports, REPORTS } from '../schema.ts';
import type { Scripts } from '../scripts.ts';

/** Each may have tens of kilobytes. */
const PAGE = 20;

/** See `Reports`. The member of the sorted set is the report itself, so that a repeated one is there already. */
export class RedisReports implements Reports {
  readonly #calls: Calls;
  readonly #scripts: Scripts;
  readonly #durable: boolean;

  constructor(options: { readonly calls: Calls; readonly scripts: Scripts; readonly durable: boolean }) {
    this.#calls = options.calls;
    this.#scripts = options.scripts;
    this.#durable = options.durable;
  }

  async file(report: Report): Promise<'filed' | 'early'> {
    const { id, reporter, code, key, reason, envelopes } = report;
    const text = JSON.stringify({ id, reporter, code, key, reason, envelopes });
    const filed = await this.#calls.run({
      script: this.#scripts['operators/report'],
      key: REPORTS,
      beside: () => keysBesideReports(reporter),
      args: () => [reporter, Buffer.from(text, 'utf8')],
      durable: this.#durable,
    });
    return filed === 1 ? 'filed' : 'early';
  }

  async page(after: string | null): Promise<Page<ReportLine>> {
    const from = after === null ? '+inf' : `(${after}`;
    const command = [
      'ZRANGE',
      REPORTS,
      from,
      '-inf',
      'BYSCORE',
      'REV',
      'LIMIT',
      '0',
      `${PAGE}`,
      'WITHSCORES',
    ];
    // Flat by RESP2, pairs by RESP3.
    const words = listOf(await this.#calls.command('reports', REPORTS, command))
      .flat()
      .map(textOf);
    const items = words.flatMap((text, i): ReportLine[] =>
      i % 2 === 0 ? [{ at: formatCreatedAt(Number(words[i + 1])), ...readReport(text ?? '') }] : [],
    );
    return { items, next: items.length < PAGE ? null : (words.at(-1) ?? null) };
  }
}

/** Nodes of before filed reports without a reason. */
function readReport(text: string): Report {
  const { reason = '', ...report } = JSON.parse(text) as Omit<Report, 'reason'> & Partial<Report>;
  return { ...report, reason };
}
