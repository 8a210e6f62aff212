import type { ClientCase } from '../case.ts';
import { CHECK_CASES } from '../checks.ts';
import { CONNECTION_CASES } from './connection.ts';
import { EXCHANGE_CASES } from './exchange.ts';
import { MESSAGE_CASES } from './messages.ts';
import { SENDING_CASES } from './sending.ts';

/** In the order of docs/protocol.md. */
export const CLIENT_CASES: readonly ClientCase[] = [
  ...CONNECTION_CASES,
  ...CHECK_CASES,
  ...EXCHANGE_CASES,
  ...MESSAGE_CASES,
  ...SENDING_CASES,
];
