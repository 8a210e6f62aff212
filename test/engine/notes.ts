import type { EngineLogFields, EngineObserver } from '../../src/engine/observer.ts';

/** What an engine has told its observer. */
export class Notes implements EngineObserver {
  readonly lines: { readonly level: string; readonly message: string; readonly facts: EngineLogFields }[] =
    [];
  readonly answers: string[] = [];
  readonly failures: string[] = [];
  probes = 0;
  lostProbes = 0;
  channels = 0;
  lostWakeUps = 0;
  forgotten = 0;
  rubbishes = 0;
  /** The last estimate. */
  estimate: { readonly mailboxes: number; readonly envelopes: number } | null = null;

  log(level: 'info' | 'warn' | 'error', message: string, facts: EngineLogFields): void {
    this.lines.push({ level, message, facts });
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
  wakeUpLost(): void {
    this.lostWakeUps += 1;
  }
  idsForgotten(): void {
    this.forgotten += 1;
  }
  unexpectedMessage(): void {
    this.rubbishes += 1;
  }
}
