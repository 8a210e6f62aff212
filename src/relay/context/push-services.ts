/** Which endpoints clients may register. */
export interface PushServices {
  /** `host`, `*.host` (any one label before it), each with or without `:port`. */
  readonly allowed: readonly string[];
  /** Private addresses and `http:` are allowed. */
  readonly allowPrivate: boolean;
}

/** The entry of the list that allows an endpoint; null if none does. */
export function serviceOf(endpoint: URL, { allowed, allowPrivate }: PushServices): string | null {
  const { protocol, host, username, password, hash } = endpoint;
  if (protocol !== 'https:' && !(protocol === 'http:' && allowPrivate)) return null;
  if (username + password + hash !== '') return null;
  const parent = host.replace(/^[^.]+\./, '*.');
  return allowed.find((entry) => entry === host || entry === parent) ?? null;
}
