import { bytesToUtf8 } from '@noble/ciphers/utils.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { isCode } from '../../protocol/codes.ts';
import { cutData } from '../../protocol/frames/delivered.ts';
import { parseUnambiguous } from '../../protocol/json/unambiguous.ts';
import { SERVER } from '../../protocol/message-types.ts';

/** An envelope as the relay delivered it: cut by position, neither parsed nor verified. */
export interface IncomingEnvelope {
  /** The code whose key has to verify it; null if it names no valid sender. */
  readonly claims: string | null;
  /** The bytes that the sender signed. */
  readonly data: Uint8Array;
  /** 128 lower-case hex digits. */
  readonly signature: string;
  /** What to acknowledge by protocol 2; null by protocol 1. */
  readonly seq: string | null;
  /** Which try this is, from 1: the sockets of those before it ended without an acknowledgement. */
  readonly tries: number;
}

/** The content of a verified envelope. */
export interface ReadEnvelope {
  readonly recipient: string;
  readonly id: string | null;
  readonly type: string;
  readonly payload: unknown;
}

/** A message from the relay itself: unsigned, about the connection and never about a peer. */
export interface ServerMessage {
  readonly type: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type Incoming =
  | { readonly kind: 'server'; readonly message: ServerMessage }
  | { readonly kind: 'envelope'; readonly envelope: IncomingEnvelope }
  /** No honest relay sends this. */
  | { readonly kind: 'unexpected' };

const FROM_SERVER = `{"data":{"sender":"${SERVER}",`;

/** Classifies one text frame. */
export function readIncoming(text: string): Incoming {
  if (text.startsWith(FROM_SERVER)) return readServer(text);
  const delivered = cutData(utf8ToBytes(text));
  if (delivered === null) return { kind: 'unexpected' };
  return { kind: 'envelope', envelope: { claims: claimedSender(bytesToUtf8(delivered.data)), ...delivered } };
}

/** Parses the signed bytes after their signature has verified. Null if they are not an envelope from `claims`. */
export function readVerified(envelope: IncomingEnvelope): ReadEnvelope | null {
  try {
    const { sender, recipient, id, message } = parseUnambiguous(bytesToUtf8(envelope.data)) as Record<
      string,
      unknown
    >;
    const { type, payload } = message as Record<string, unknown>;
    const texts = typeof recipient === 'string' && typeof type === 'string';
    // The scan below and the parser must agree on the sender.
    if (sender !== envelope.claims || !texts) return null;
    return { recipient, id: typeof id === 'string' ? id : null, type, payload };
  } catch {
    return null;
  }
}

const TOKEN = /"([^"\\]*(?:\\.[^"\\]*)*)"|[{}[\]]/gs;

/** The code in the outermost `"sender"` of a JSON object, found without parsing the object. */
function claimedSender(data: string): string | null {
  let depth = 0;
  let previous = '';
  for (const [token, text = ''] of data.matchAll(TOKEN)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    else if (depth === 1 && unescaped(previous) === 'sender') return isCode(text) ? text : null;
    previous = depth === 1 ? text : '';
  }
  return null;
}

/** A name written with escapes is the same name. */
function unescaped(name: string): string {
  return name.replaceAll(/\\u00([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function readServer(text: string): Incoming {
  try {
    const { data } = JSON.parse(text) as { data: { message: { type: unknown; payload?: unknown } } };
    const { type, payload } = data.message;
    if (typeof type !== 'string') return { kind: 'unexpected' };
    return { kind: 'server', message: { type, payload: { ...(payload as object | undefined) } } };
  } catch {
    return { kind: 'unexpected' };
  }
}
