import { closeSync, openSync } from 'node:fs';
import { EXIT } from './command.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Resolves with the first signal that asks to stop. The second one, after `onSecond`, ends the process at once.
 * With `stopsAtHangUp`, SIGHUP is such a signal.
 */
export function stopSignal(onSecond: () => void, stopsAtHangUp = false): Promise<NodeJS.Signals> {
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

/**
 * SIGHUP, for a server: calls `onHangUp` and stops nothing. Resolves only if the kernel sent it because the terminal
 * that this process was started in is gone: an unreachable node would keep its port.
 */
export function hangUp(onHangUp: () => void): Promise<NodeJS.Signals> {
  const hadTerminal = process.stdin.isTTY === true;
  return new Promise((resolve) => {
    process.on('SIGHUP', () => {
      if (hadTerminal && !hasTerminal()) resolve('SIGHUP');
      else onHangUp();
    });
  });
}

/** The kernel refuses to open a terminal that has hung up. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}
