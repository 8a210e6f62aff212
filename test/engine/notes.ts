import type { EngineLogFields, EngineObserver } from '../../src/engine/observer.ts';

/** An observer that records everything. */
export class Notes implements EngineObserver {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: EngineLogFields }[] =
    [];
  readonly answers: string[] = [];
  readonly failures: string[] = [];
  probes = 0;
  lostProbes = 0;
  channels = 0;
  nodes = 0;
  forgotten = 0;
  unexpectedMessages = 0;
  /** The last estimate. */
  estimate: { readonly mailboxes: number; readonly envelopes: number } | null = null;

  log(level: 'info' | 'warn' | 'error', message: string, fields: EngineLogFields): void {
    this.lines.push({ level, message, fields });
  }
  answered(verb: string): void {
    this.answers.push(verb);
  }
  failed(verb: string): void {
    this.failures.push(verb);
  }
  probed(): void {
    this.probes += 1;
  }
  probeLost(): void {
    this.lostProbes += 1;
  }
  subscriptions(count: number): void {
    this.channels = count;
  }
  waiting(mailboxes: number, envelopes: number): void {
    this.estimate = { mailboxes, envelopes };
  }
  liveNodes(count: number): void {
    this.nodes = count;
  }
  idsForgotten(): void {
    this.forgotten += 1;
  }
  unexpectedMessage(): void {
    this.unexpectedMessages += 1;
  }
}
