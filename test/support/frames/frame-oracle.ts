import { find, laxity, readTree, type Tree } from './plain-json.ts';

/**
 * docs/protocol.md once more, slow and plain, of nothing that the relay is made of: what a frame must be answered.
 */
export type Judgement =
  | { readonly kind: 'bad_frame' }
  | { readonly kind: 'ack' }
  | { readonly kind: 'skip' }
  | {
      readonly kind: 'connect';
      readonly sender: string;
      readonly data: string;
      readonly signature: string;
      readonly nonce: string | null;
    }
  | {
      readonly kind: 'command';
      readonly sender: string;
      readonly id: string;
      readonly verb: string;
      readonly data: string;
      readonly signature: string;
    }
  | {
      readonly kind: 'envelope';
      readonly sender: string;
      readonly recipient: string;
      readonly id: string | null;
      readonly data: string;
      readonly signature: string;
    };

const BAD_FRAME: Judgement = { kind: 'bad_frame' };
const DEPTH_MAX = 8;
const CODE = /^[0-9A-HJKMNP-TV-Z]{7}$/;
const CODE_OR_SERVER = /^([0-9A-HJKMNP-TV-Z]{7}|server)$/;
const TYPE = /^[a-z][a-z0-9_]{0,31}$/;
const ID = /^[A-Za-z0-9_-]{1,64}$/;
const HEX_128 = /^[0-9a-fA-F]{128}$/;
const RELAY_TYPES = ['connect_ack', 'challenge', 'accepted', 'error', 'drained'];
const EXCHANGES = ['key_exchange', 'key_exchange_ack'];
const FRAME = ['data', 'signature'];

export function judge(text: string, protocol: 1 | 2): Judgement {
  try {
    JSON.parse(text);
  } catch {
    return BAD_FRAME;
  }
  const tree = readTree(text);
  if (laxity(tree, DEPTH_MAX) !== null) return BAD_FRAME;
  const at = (...path: string[]) => find(tree, path, 'first');
  const ours: [string[], string[]][] = [
    [[], protocol === 2 ? [...FRAME, 'ack', 'skip'] : FRAME],
    [['data'], ['sender', 'recipient', 'id', 'message']],
    [
      ['data', 'message'],
      ['type', 'payload'],
    ],
  ];
  if (ours.some(([path, names]) => hasLookalike(at(...path), names))) return BAD_FRAME;
  const strings: [Tree | undefined, RegExp][] = [
    [at('signature'), HEX_128],
    [at('data', 'sender'), CODE],
    [at('data', 'recipient'), protocol === 2 ? CODE_OR_SERVER : CODE],
    [at('data', 'id'), ID],
    [at('data', 'message', 'type'), TYPE],
  ];
  // Wherever one of ours stands it has its form, also where it is not asked for.
  if (strings.some(([value, form]) => value !== undefined && !form.test(stringOf(value) ?? ' ')))
    return BAD_FRAME;
  if (
    [at(), at('data'), at('data', 'message')].some((value) => value !== undefined && value.kind !== 'object')
  )
    return BAD_FRAME;
  const receipts = protocol === 2 ? (['ack', 'skip'] as const).filter((kind) => at(kind) !== undefined) : [];
  if (receipts.some((kind) => stringOf(at(kind)) === null)) return BAD_FRAME;
  const [receipt] = receipts;
  if (receipt !== undefined) return countOf(at()) === 1 ? { kind: receipt } : BAD_FRAME;
  const type = stringOf(at('data', 'message', 'type'));
  const sender = stringOf(at('data', 'sender'));
  const signature = stringOf(at('signature'));
  const data = at('data');
  if (type === null || sender === null || signature === null || data === undefined) return BAD_FRAME;
  const signed = { sender, signature, data: text.slice(data.start, data.end) };
  if (type === 'connect') return judgeConnect(tree, signed, protocol);
  if (RELAY_TYPES.includes(type)) return BAD_FRAME;
  const recipient = stringOf(at('data', 'recipient'));
  if (recipient === null) return BAD_FRAME;
  const id = stringOf(at('data', 'id'));
  if (recipient === 'server') return id === null ? BAD_FRAME : { kind: 'command', ...signed, id, verb: type };
  if (EXCHANGES.includes(type)) {
    const key = stringOf(at('data', 'message', 'payload', 'ecdh_public_key'));
    if (hasLookalike(at('data', 'message', 'payload'), ['ecdh_public_key', 'nonce', 'audience']))
      return BAD_FRAME;
    if (key === null || !/^[0-9a-f]{64}$/i.test(key) || /^(00|01)?0*$/.test(key) || /^f{64}$/i.test(key))
      return BAD_FRAME;
  }
  return { kind: 'envelope', ...signed, recipient, id };
}

function judgeConnect(
  tree: Tree,
  signed: { readonly sender: string; readonly data: string; readonly signature: string },
  protocol: 1 | 2,
): Judgement {
  const at = (...path: string[]) => find(tree, path, 'first');
  const counts = [countOf(at()), countOf(at('data')), countOf(at('data', 'message'))];
  if (String(counts) !== (protocol === 1 ? '2,2,1' : '2,2,2')) return BAD_FRAME;
  if (protocol === 1) return { kind: 'connect', ...signed, nonce: null };
  const nonce = stringOf(at('data', 'message', 'payload', 'nonce'));
  const audience = at('data', 'message', 'payload', 'audience');
  const audienceFits =
    audience?.kind === 'scalar' && (audience.value === null || typeof audience.value === 'string');
  if (countOf(at('data', 'message', 'payload')) !== 2 || nonce === null || !audienceFits) return BAD_FRAME;
  return { kind: 'connect', ...signed, nonce };
}

function stringOf(tree: Tree | undefined): string | null {
  return tree?.kind === 'scalar' && typeof tree.value === 'string' ? tree.value : null;
}

function countOf(tree: Tree | undefined): number {
  return tree?.kind === 'object' ? tree.members.length : -1;
}

/** A name that is one of ours to a parser that ignores case (U+017F is s, U+0131 is i to some). */
function hasLookalike(tree: Tree | undefined, names: readonly string[]): boolean {
  if (tree?.kind !== 'object') return false;
  return tree.members.some(
    ([name]) => !names.includes(name) && names.some((each) => anyCase(each).test(name)),
  );
}

const PATTERNS = new Map<string, RegExp>();

function anyCase(name: string): RegExp {
  const pattern = PATTERNS.get(name) ?? new RegExp(`^${name.replaceAll('i', '[i\u0131\u0130]')}$`, 'iu');
  PATTERNS.set(name, pattern);
  return pattern;
}
