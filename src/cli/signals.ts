import { EXIT } from './command.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Resolves with the first signal that asks to stop. The second one, after `onSecond`, ends the process at once.
 * SIGHUP (the terminal is gone) stops too, unless it is needed for something else.
 */
export function stopSignal(onSecond: () => void, stopsAtHangUp = true): Promise<NodeJS.Signals> {
  const signals = stopsAtHangUp ? [...STOP_SIGNALS, 'SIGHUP' as const] : STOP_SIGNALS;
  return new Promise((resolve) => {
    let asked = false;
    const hear = (signal: NodeJS.Signals) => {
      if (asked) {
        onSecond();
        process.exit(EXIT.failed);
      }
      asked = true;
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, hear);
  });
}
