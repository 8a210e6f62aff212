/**
 * The client SDK, for browsers and Node 20 and newer: identities, connections, encrypted conversations.
 * `docs/clients.md` shows how to use it.
 */
export { safetyNumber } from '../crypto/kdf.ts';
export { readCode } from '../protocol/codes.ts';
export type { User } from './account/directory.ts';
export { createIdentity, type Identity, identityFrom } from './account/identity.ts';
export { exportIdentity, importIdentity } from './account/sealed-identity.ts';
export type { WaitReason } from './commands/relay-reply.ts';
export type { ConnectionState } from './connection/connection.ts';
export type { RelayLimits } from './connection/login.ts';
export type { Conversation, Message } from './conversation/conversation.ts';
export type { SendFileOptions } from './conversation/file-options.ts';
export type { SendOptions } from './conversation/send-options.ts';
export type { Sending } from './conversation/sent.ts';
export type { ConversationEvents } from './conversation-events.ts';
export { CLIENT_ERRORS, ClientError, type ClientErrorCode } from './errors.ts';
export type { FileProgress, FileState } from './files/file-progress.ts';
export type { FileTransfer, SentFile } from './files/file-transfer.ts';
export { type FileOffer, PREVIEW_CHARACTERS_MAX, safeFileName } from './files/offer.ts';
export { blobSource, digestOf, type FileSink, type FileSource } from './files/source.ts';
export { Relay } from './relay.ts';
export type { RelayEvents, RelayOptions } from './relay-options.ts';
export { durationWords, timerWords } from './sending/disappearing.ts';
export type { Json } from './sending/json.ts';
export type { MessageExtras } from './sending/message-extras.ts';
export { type Changes, memoryStorage, type Storage } from './storage/storage.ts';
export { type FileSystem, fileStorage } from './storage/storage-file.ts';
export { indexedDbStorage } from './storage/storage-indexeddb.ts';
