/**
 * The client SDK, for browsers and Node 20 and newer: identities, connections, encrypted conversations.
 * `docs/clients.md` shows how to use it.
 */
export { safetyNumber } from '../crypto/kdf.ts';
export { readCode } from '../protocol/codes.ts';
export type { ConnectionState } from './connection.ts';
export type { Json } from './content.ts';
export type { Conversation, Message } from './conversation.ts';
export type { ConversationEvents } from './conversation-events.ts';
export type { User } from './directory.ts';
export { CLIENT_ERRORS, ClientError, type ClientErrorCode } from './errors.ts';
export { createIdentity, type Identity, identityFrom } from './identity.ts';
export { Relay } from './relay.ts';
export type { RelayEvents, RelayOptions } from './relay-options.ts';
export { exportIdentity, importIdentity } from './sealed-identity.ts';
export { type Changes, memoryStorage, type Storage } from './storage.ts';
export { type FileSystem, fileStorage } from './storage-file.ts';
export { indexedDbStorage } from './storage-indexeddb.ts';
