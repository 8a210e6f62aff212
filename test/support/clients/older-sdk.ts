import { WebSocket } from 'ws';
import type { Identity, RelayOptions, Storage } from '../../../src/client/index.ts';
import { memoryStorage } from '../../../src/client/index.ts';
import * as frozen from '../frozen/sdk-1.mjs';

/** What the SDK of version 1 has of today's: it lacks what came since. */
interface OlderRelay {
  readonly code: string | null;
  readonly conversations: readonly OlderConversation[];
  startConversation(code: string): Promise<OlderConversation>;
  on(name: 'conversation', listener: (event: { conversation: OlderConversation }) => void): () => void;
  on(name: 'frame', listener: (event: { direction: string; text: string }) => void): () => void;
  close(): Promise<void>;
}

export interface OlderConversation
  extends AsyncIterable<{ readonly id: string; readonly body: unknown; markRead(): Promise<void> }> {
  readonly code: string;
  readonly secured: boolean;
  send(body: unknown): Promise<string>;
  on(name: string, listener: (event: Record<string, unknown>) => void): () => void;
  safetyNumber(): readonly string[];
}

const { Relay, createIdentity } = frozen as unknown as {
  Relay: { connect(url: string, identity: Identity, options: RelayOptions): Promise<OlderRelay> };
  createIdentity: () => Identity;
};

export interface OlderPerson {
  readonly identity: Identity;
  readonly storage: Storage;
  readonly relay: OlderRelay;
  readonly code: string;
}

/** Connects by the SDK of version 1; with the identity and storage of an earlier one, comes back. */
export async function joinOlder(
  url: string,
  options: { readonly identity?: Identity; readonly storage?: Storage; readonly WebSocket?: unknown } = {},
): Promise<OlderPerson> {
  const { identity = createIdentity(), storage = memoryStorage() } = options;
  const relay = await Relay.connect(url, identity, { WebSocket, ...options, storage });
  return { identity, storage, relay, code: relay.code ?? '' };
}
