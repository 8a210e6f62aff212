import { AUDIT_MAX } from '../../bounds.ts';
import { formatCreatedAt } from '../../created-at.ts';
import type {
  Audit,
  AuditEntry,
  AuditLine,
  DeadLetter,
  Operators,
  Page,
  Reports,
  UserCard,
} from '../../verbs/operators.ts';
import type { UserRecord, Users } from '../users.ts';
import { MemoryReports } from './reports.ts';

export interface MemoryOperatorsOptions {
  readonly users: Users;
  readonly now: () => number;
  /** Deletes the account, ends its session. */
  readonly remove: (record: UserRecord) => void;
  /** Ends the session; its listeners hear of it. */
  readonly endSession: (record: UserRecord) => void;
  /** Deletes what waits. Returns how many envelopes that were. */
  readonly purge: (record: UserRecord) => number;
  readonly mustRun: () => void;
}

const NODE = 'this one';

class MemoryAudit implements Audit {
  readonly #now: () => number;
  /** The newest first; at most `AUDIT_MAX`. */
  readonly #lines: AuditLine[] = [];
  #written = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  async record(entry: AuditEntry): Promise<void> {
    this.#written += 1;
    const at = formatCreatedAt(Math.floor(this.#now() * 1000));
    this.#lines.unshift({ id: `${this.#written}`, at, ...entry });
    this.#lines.length = Math.min(this.#lines.length, AUDIT_MAX);
  }

  async page(): Promise<Page<AuditLine>> {
    return { items: [...this.#lines], next: null };
  }
}

/** See `Operators`. Dead letters are not kept: none would outlive the process. */
export class MemoryOperators implements Operators {
  readonly #options: MemoryOperatorsOptions;
  readonly audit: Audit;
  readonly reports: Reports;

  constructor(options: MemoryOperatorsOptions) {
    this.#options = options;
    this.audit = new MemoryAudit(options.now);
    this.reports = new MemoryReports(options.now);
  }

  async show(code: string): Promise<UserCard | 'gone' | null> {
    const { users, mustRun, now } = this.#options;
    mustRun();
    const record = users.lookUp(code, now());
    return record === 'gone' || record === null ? record : this.#card(record);
  }

  async findByKey(eddsaPublicKey: string): Promise<string | null> {
    this.#options.mustRun();
    return this.#options.users.codeOf(eddsaPublicKey);
  }

  async list(): Promise<Page<UserCard>> {
    this.#options.mustRun();
    return { items: [...this.#options.users.all()].map((record) => this.#card(record)), next: null };
  }

  async ban(code: string, { forMs, reason }: { forMs: number | null; reason: string }): Promise<boolean> {
    const record = this.#find(code);
    if (record === undefined) return false;
    record.ban = { untilMs: forMs === null ? null : this.#options.now() + forMs, reason };
    this.#options.endSession(record);
    return true;
  }

  async unban(code: string): Promise<boolean> {
    const record = this.#find(code);
    if (record !== undefined) record.ban = null;
    return record !== undefined;
  }

  async disconnect(code: string): Promise<boolean> {
    const record = this.#find(code);
    if (record !== undefined) this.#options.endSession(record);
    return record !== undefined;
  }

  async remove(code: string): Promise<boolean> {
    const record = this.#find(code);
    if (record !== undefined) this.#options.remove(record);
    return record !== undefined;
  }

  async purge(code: string): Promise<number | null> {
    const record = this.#find(code);
    return record === undefined ? null : this.#options.purge(record);
  }

  async deadLetters(): Promise<Page<{ code: string; count: number }>> {
    return { items: [], next: null };
  }

  async deadLettersOf(): Promise<readonly DeadLetter[]> {
    return [];
  }

  async dropDeadLetter(): Promise<boolean> {
    return false;
  }

  #find(code: string): UserRecord | undefined {
    this.#options.mustRun();
    return this.#options.users.find(code, this.#options.now());
  }

  #card(record: UserRecord): UserCard {
    const { user, claimed, minProtocol, epoch, mailbox, token } = record;
    const at = (ms: number) => formatCreatedAt(Math.floor(ms * 1000));
    const ban = record.banned(this.#options.now());
    return {
      ...user,
      claimed,
      minProtocol,
      lastLoginAt: epoch > 0 ? at(epoch) : null,
      waiting: {
        envelopes: mailbox.size,
        bytes: mailbox.bytes,
        since: mailbox.oldestUs === null ? null : formatCreatedAt(mailbox.oldestUs),
      },
      node: token === null ? null : NODE,
      ban: ban === null ? null : { until: ban.untilMs === null ? null : at(ban.untilMs), reason: ban.reason },
    };
  }
}
