/** What a runtime says of a connection that failed, in words for people. Browsers say next to nothing, on purpose. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'the connection was cut',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name cannot be looked up',
  EHOSTUNREACH: 'no way to that host',
  ENETUNREACH: 'no network',
  ETIMEDOUT: 'no answer',
  UND_ERR_CONNECT_TIMEOUT: 'no answer',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate ends in one that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate comes without those above it',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS; perhaps http:// instead of https://',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS; perhaps http:// instead of https://',
  UND_ERR_SOCKET: 'it closed the connection; perhaps https:// instead of http://',
};

/** Null if the error says nothing. */
export function reasonOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null) return null;
  const { name, message, cause, code, errors } = error as Partial<Error> & {
    code?: unknown;
    errors?: unknown;
  };
  if (name === 'TimeoutError') return 'no answer in time';
  // `fetch` says that it failed, and what did so is its cause.
  const deeper = reasonOf(cause) ?? (Array.isArray(errors) ? reasonOf(errors[0]) : null);
  return deeper ?? REASONS[String(code)] ?? (message === undefined || message === '' ? null : message);
}
