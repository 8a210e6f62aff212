import { REPORT_EVERY_MS, REPORTS_MAX } from '../../bounds.ts';
import { formatCreatedAt } from '../../created-at.ts';
import type { Page, Report, ReportLine, Reports } from '../../verbs/operators.ts';

/** See `Reports`. */
export class MemoryReports implements Reports {
  readonly #now: () => number;
  /** The newest first; at most `REPORTS_MAX`. Times are in ms. */
  readonly #filed: { readonly report: Report; readonly atMs: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  async file(report: Report): Promise<'filed' | 'early'> {
    const text = JSON.stringify(report);
    if (this.#filed.some((each) => JSON.stringify(each.report) === text)) return 'filed';
    const last = this.#filed.find((each) => each.report.reporter === report.reporter);
    if (last !== undefined && this.#now() < last.atMs + REPORT_EVERY_MS) return 'early';
    this.#filed.unshift({ report, atMs: this.#now() });
    this.#filed.length = Math.min(this.#filed.length, REPORTS_MAX);
    return 'filed';
  }

  async page(): Promise<Page<ReportLine>> {
    const items = this.#filed.map(({ report, atMs }) => ({
      at: formatCreatedAt(Math.floor(atMs * 1000)),
      ...report,
    }));
    return { items, next: null };
  }
}
