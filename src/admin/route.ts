import type { z } from 'zod';
import type { Engine } from '../engine/engine.ts';
import type { LiveSettings } from '../ops/settings/live-settings.ts';

/** What the admin API works with. */
export interface AdminContext {
  readonly engine: Engine;
  readonly nodeId: string;
  readonly live: LiveSettings;
  /** Called after a setting was changed, so that this node need not wait until it asks. */
  readonly onChanged: () => Promise<void>;
}

/** What came with a request; each part as its route describes it. */
export interface Given {
  /** Parts of the path, by name. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** `json` undefined: an answer without a body. */
interface AdminAnswer {
  readonly status: number;
  readonly json?: unknown;
}

/** An error answer, as problem+json. */
export class AdminProblem extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }
}

interface Parameter {
  readonly name: string;
  readonly means: string;
}

/** One operation of the API. docs/admin-api.json, docs/admin-api.md and the dispatcher follow from the table of these. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{names}`, each declared in `parameters`. */
  readonly path: string;
  readonly summary: string;
  /** What the audit log calls it; absent: it changes nothing. */
  readonly action?: string;
  readonly query?: readonly Parameter[];
  readonly body?: z.ZodType;
  /** Of a success. `schema` absent: no body. */
  readonly answer: { readonly status: 200 | 201 | 202 | 204; readonly schema?: z.ZodType };
  /** Statuses of problems, beside those of every operation. */
  readonly problems?: Readonly<Record<number, string>>;
  readonly handle: (context: AdminContext, given: Given) => Promise<AdminAnswer>;
}

/** What the parts of all paths are. */
export const PATH_PARTS: Readonly<Record<string, string>> = {
  code: 'Code of a user.',
  id: 'As the list names it.',
  node: 'Name of a node.',
  name: 'Variable of a setting, such as RELAY_REGISTRATION.',
};
