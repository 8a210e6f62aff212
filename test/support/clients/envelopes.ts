/** The texts of `data`, put together as docs/protocol.md prints them. */

export interface EnvelopeText {
  readonly sender: string;
  readonly recipient: string;
  readonly id?: string;
  readonly type?: string;
  readonly payload?: unknown;
}

export function envelopeText({ sender, recipient, id, type = 'message', payload }: EnvelopeText): string {
  const head = `"sender":"${sender}","recipient":"${recipient}"${id === undefined ? '' : `,"id":"${id}"`}`;
  const rest = payload === undefined ? '' : `,"payload":${JSON.stringify(payload)}`;
  return `{${head},"message":{"type":"${type}"${rest}}}`;
}

export function connectText(sender: string): string {
  return `{"sender":"${sender}","message":{"type":"connect"}}`;
}

/** Protocol 2. */
export function connectText2(sender: string, nonce: string, audience: string | null): string {
  const payload = `{"nonce":"${nonce}","audience":${JSON.stringify(audience)}}`;
  return `{"sender":"${sender}","message":{"type":"connect","payload":${payload}}}`;
}
