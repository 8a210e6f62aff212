import type { Account } from '../account.ts';

/** What operators may do with users. Nothing here tells what users wrote. */
export interface Operators {
  show(code: string): Promise<UserCard | 'gone' | null>;
  /** The code that an Ed25519 key is registered under; null if it is not. */
  findByKey(eddsaPublicKey: string): Promise<string | null>;
  /**
   * A page of users, in no order, without a scan of everything at once; `after` is `next` of the page before, null for
   * the first. A user who is there all the while is on one page at least.
   */
  list(after: string | null): Promise<Page<UserCard>>;
  /** Ends the session, and refuses logins and mail until the ban is over. False if no user has the code; so below. */
  ban(code: string, ban: { readonly forMs: number | null; readonly reason: string }): Promise<boolean>;
  unban(code: string): Promise<boolean>;
  /** Ends the session; the user may log in again at once. */
  disconnect(code: string): Promise<boolean>;
  /** As `Engine.leave`. */
  remove(code: string): Promise<boolean>;
  /** Deletes everything that waits. Null if no user has the code, otherwise how many envelopes that were. */
  purge(code: string): Promise<number | null>;
  /** A page of the users with dead letters, and how many. */
  deadLetters(after: string | null): Promise<Page<{ readonly code: string; readonly count: number }>>;
  deadLettersOf(code: string): Promise<readonly DeadLetter[]>;
  /** False if no dead letter has this id. */
  dropDeadLetter(code: string, id: string): Promise<boolean>;
  readonly audit: Audit;
  readonly reports: Reports;
}

/** What operators have asked for. Keeps the last `AUDIT_MAX` lines. */
export interface Audit {
  record(entry: AuditEntry): Promise<void>;
  /** The newest line first; `after` is `next` of the page before, null for the first. */
  page(after: string | null): Promise<Page<AuditLine>>;
}

/** What an operator has asked for. */
export interface AuditEntry {
  /** As operators name themselves, and from where. */
  readonly operator: string;
  /** The node that was asked. */
  readonly node: string;
  readonly action: string;
  /** Code, id or name that it is about; '' for none. */
  readonly target: string;
  /** '' if none was given. */
  readonly reason: string;
}

export interface AuditLine extends AuditEntry {
  readonly id: string;
  readonly at: string;
}

/** What users have shown of others. Keeps the last `REPORTS_MAX`, beside the audit log: no user can push lines out of that. */
export interface Reports {
  /** The same report again is filed once. `early`: the reporter has filed another within `REPORT_EVERY_MS`. */
  file(report: Report): Promise<'filed' | 'early'>;
  /** The newest first; `after` as in `Audit`. */
  page(after: string | null): Promise<Page<ReportLine>>;
}

/** Verified by the relay; `key` and the signatures let operators verify it again. */
export interface Report {
  /** The reporter's name for it. */
  readonly id: string;
  readonly reporter: string;
  /** Of the reported user. */
  readonly code: string;
  /** Ed25519 key of the reported user, 64 hex digits. */
  readonly key: string;
  /** The reporter's words; '' without. */
  readonly reason: string;
  readonly envelopes: readonly ReportedEnvelope[];
}

export interface ReportedEnvelope {
  /** D of docs/protocol.md, as its sender signed it. */
  readonly data: string;
  /** 128 hex digits. */
  readonly signature: string;
}

export interface ReportLine extends Report {
  readonly at: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** Times are UTC with six decimals and `Z`. */
export interface UserCard extends Account {
  /** Of the last login; null if there was none. */
  readonly lastLoginAt: string | null;
  readonly waiting: {
    readonly envelopes: number;
    readonly bytes: number;
    /** Nothing that waits is older; null if nothing waits. */
    readonly since: string | null;
  };
  /** The node with the socket, as far as the store knows; null: not connected. */
  readonly node: string | null;
  /** `until` null: for ever. */
  readonly ban: { readonly until: string | null; readonly reason: string } | null;
}

export interface DeadLetter {
  readonly id: string;
  readonly reason: string;
  /** Of the envelope, or of what was found in its place. */
  readonly bytes: number;
  /** The frame, or what was found in its place, as text. */
  readonly content: string;
}
