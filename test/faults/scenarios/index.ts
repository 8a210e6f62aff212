import type { Scenario } from '../bench.ts';
import { cutBeforeReceipt } from './cut-before-receipt.ts';

/** Every scenario, once, in the order of docs/reliability.md. */
export const SCENARIOS: readonly Scenario[] = [cutBeforeReceipt];
