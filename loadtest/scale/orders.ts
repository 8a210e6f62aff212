/** What the scale test and its client processes say to each other. */
export type Order =
  | {
      readonly do: 'register';
      readonly users: number;
      /** One for each node; users take them in turn. */
      readonly urls: readonly string[];
      /** Each process dials from an address of its own, which has ports of its own. */
      readonly localAddress: string;
      readonly protocol: 1 | 2;
    }
  /** All log in, `atOnce` at a time. */
  | { readonly do: 'connect'; readonly atOnce: number }
  /** All connections end without a close frame. */
  | { readonly do: 'cut' }
  /** Everybody writes to the next user, `perSecond` envelopes in all. */
  | { readonly do: 'talk'; readonly perSecond: number; readonly seconds: number };

export type Reply =
  | { readonly done: 'register' | 'cut' }
  | { readonly done: 'connect'; readonly open: number; readonly failed: readonly string[] }
  | { readonly done: 'talk'; readonly sent: number; readonly received: number; readonly closed: number }
  | { readonly done: 'failed'; readonly why: string };
