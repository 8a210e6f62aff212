import { EXIT } from './command.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Resolves with the first signal that asks to stop. The second one, after `onSecond`, ends the process at once. */
export function stopSignal(onSecond: () => void): Promise<NodeJS.Signals> {
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
    for (const signal of STOP_SIGNALS) process.on(signal, hear);
  });
}
