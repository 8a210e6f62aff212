// Saves every file that anybody sends into a folder. PASSPHRASE=… node file-drop.js FOLDER
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { fileStorage, Relay, safeFileName } from 'keyrelay-client';
import { WebSocket } from 'ws';
import { keptIdentity, passphraseFromEnvironment } from './identity.js';

const [folder = 'drop'] = process.argv.slice(2);
await fs.mkdir(folder, { recursive: true });
const identity = await keptIdentity('file-drop.identity', passphraseFromEnvironment());
const relay = await Relay.connect(process.env.RELAY_URL ?? 'http://127.0.0.1:8080', identity, {
  WebSocket,
  // Without it, a new sender gets no keys and no receipts before the program answers or accepts.
  answersStrangers: true,
  storage: fileStorage('file-drop.jsonl', fs),
});
console.log(`file-drop is ${relay.code}`);

/** Writes parts where they belong, in whatever order they come. What was written before a restart is still there. */
async function save(conversation, id) {
  const partial = join(folder, `.${id}.part`);
  const handle = await fs.open(partial, 'r+').catch(() => fs.open(partial, 'wx+'));
  const write = async (offset, bytes) => {
    await handle.write(bytes, 0, bytes.length, offset);
  };
  const read = async (offset, length) => {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
  const transfer = conversation.receiveFile(id, { write, read });
  try {
    // Resolves when all of it is there and its SHA-256 is that of the offer.
    await transfer.done;
  } finally {
    await handle.close();
  }
  const { name, size } = transfer.offer;
  // The id makes the name unique: nothing is written over.
  const path = join(folder, `${conversation.code}-${id.slice(0, 8)}-${safeFileName(name)}`);
  await fs.rename(partial, path);
  console.log(`saved ${path} (${size} bytes)`);
}

async function saveOrReport(conversation, id) {
  try {
    await save(conversation, id);
  } catch (error) {
    // Closed: the next start goes on. Anything else is between the sender and this file.
    if (error.code !== 'closed') console.error(`${id} from ${conversation.code}: ${error.message}`);
  }
}

async function collect(conversation) {
  // Begun before a restart.
  for (const { file, direction, state } of conversation.files) {
    if (direction === 'receiving' && state === 'paused') await saveOrReport(conversation, file);
  }
  for await (const { file } of conversation)
    if (file !== undefined) await saveOrReport(conversation, file.id);
}

for (const conversation of relay.conversations) void collect(conversation);
relay.on('conversation', ({ conversation }) => void collect(conversation));

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => relay.close());
