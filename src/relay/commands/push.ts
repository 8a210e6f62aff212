import { ECDH } from 'node:crypto';
import type { SessionKey } from '../../engine/engine.ts';
import type { SubscriptionResult, Subscriptions } from '../../engine/verbs/subscriptions.ts';
import { serviceOf } from '../context/push-services.ts';
import { BadCommand, type Command, type Payload } from './command.ts';

const ENDPOINT_MAX = 1_024;
const POINT_BYTES = 65;
const AUTH_BYTES = 16;

/**
 * `push {"endpoint", "p256dh", "auth"}` registers where the user is woken, or renews it; `push {"endpoint", "remove": true}`
 * takes that back; `push {}` changes nothing. Answered with the key that a subscription must be made for (RFC 8292).
 */
export const push: Command = async ({ context, session }, payload) => {
  const { config, engine } = context;
  const { pushVapidKey: key } = config;
  // As a relay answers that does not know the command: there is nothing that a client could do.
  if (key === null)
    return { code: 'unknown_command', detail: 'this relay does not push: it has no RELAY_PUSH_VAPID_KEY' };
  const result = await change(engine.subscriptions, session, { config, payload });
  return result === 'done' ? { done: true, result: { public_key: key.publicKey } } : { lost: result };
};

async function change(
  subscriptions: Subscriptions,
  session: SessionKey,
  { config, payload }: { readonly config: EndpointSettings; readonly payload: Payload },
): Promise<SubscriptionResult> {
  const { endpoint, remove } = payload;
  if (endpoint === undefined) return 'done';
  if (typeof endpoint !== 'string') throw new BadCommand('endpoint must be a URL');
  if (remove === true) return subscriptions.remove(session, endpoint);
  return subscriptions.add(session, {
    endpoint: endpointIn(endpoint, config),
    p256dh: pointIn(payload),
    auth: secretIn(payload),
  });
}

interface EndpointSettings {
  readonly pushServices: readonly string[];
  readonly pushPrivate: boolean;
}

function endpointIn(endpoint: string, config: EndpointSettings): string {
  const url = endpoint.length <= ENDPOINT_MAX && URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null) throw new BadCommand(`endpoint must be a URL of at most ${ENDPOINT_MAX} characters`);
  if (serviceOf(url, { allowed: config.pushServices, allowPrivate: config.pushPrivate }) === null)
    throw new BadCommand(`endpoint must be https: at one of ${config.pushServices.join(', ')}`);
  return url.href;
}

/** A point of P-256: RFC 8291, 3.1. */
function pointIn({ p256dh }: Payload): string {
  const bytes = bytesOf(p256dh);
  try {
    if (bytes?.length !== POINT_BYTES) throw new Error('no point');
    ECDH.convertKey(bytes, 'prime256v1');
    return bytes.toString('base64url');
  } catch {
    throw new BadCommand('p256dh must be an uncompressed point of P-256 (65 bytes) in base64url');
  }
}

function secretIn({ auth }: Payload): string {
  const bytes = bytesOf(auth);
  if (bytes?.length !== AUTH_BYTES) throw new BadCommand('auth must be 16 bytes in base64url');
  return bytes.toString('base64url');
}

function bytesOf(text: unknown): Buffer | null {
  return typeof text === 'string' && /^[\w-]{1,128}={0,2}$/.test(text)
    ? Buffer.from(text, 'base64url')
    : null;
}
