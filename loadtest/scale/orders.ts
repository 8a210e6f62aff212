/** What the scale test and its client processes say to each other. */
export type Order =
  | {
      readonly do: 'register';
      readonly users: number;
      /** One for each node; users take them in turn. */
      readonly urls: readonly string[];
      /** The first three numbers of the addresses that the process dials from, as `127.0.1`. */
      readonly network: string;
      readonly protocol: 1 | 2;
    }
  /** The first `users` log in, `atOnce` at a time. */
  | { readonly do: 'connect'; readonly atOnce: number; readonly users: number }
  /** All connections end without a close frame. */
  | { readonly do: 'cut' }
  /** How things stand, without changing them. */
  | { readonly do: 'count' }
  /** Everybody connected writes to the next user, `perSecond` envelopes in all. */
  | { readonly do: 'talk'; readonly perSecond: number; readonly seconds: number }
  /** `each` envelopes to every user, none of whom is connected. */
  | { readonly do: 'fill'; readonly each: number }
  /** Every user logs in, `atOnce` at a time, and leaves when `each` envelopes have come and been confirmed. */
  | { readonly do: 'drain'; readonly each: number; readonly atOnce: number };

export type Reply =
  | { readonly done: 'register' }
  | { readonly done: 'cut' }
  | { readonly done: 'connect'; readonly open: number; readonly failed: readonly string[] }
  /** `closed`: connections that ended and were not cut by us, since the beginning. */
  | { readonly done: 'count'; readonly open: number; readonly closed: number; readonly pings: number }
  | { readonly done: 'talk'; readonly sent: number; readonly received: number }
  | { readonly done: 'fill'; readonly stored: number }
  | { readonly done: 'drain'; readonly received: number };
