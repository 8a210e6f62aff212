// Answers every message with the same words. PASSPHRASE=… node echo-bot.js
import * as fs from 'node:fs/promises';
import { fileStorage, Relay } from 'keyrelay-client';
import { WebSocket } from 'ws';
import { keptIdentity, passphraseFromEnvironment } from './identity.js';

const identity = await keptIdentity('echo-bot.identity', passphraseFromEnvironment());
const relay = await Relay.connect(process.env.RELAY_URL ?? 'http://127.0.0.1:8080', identity, {
  WebSocket,
  // Without it, a new sender gets no keys and no receipts before the program answers or accepts.
  answersStrangers: true,
  // With it, conversations go on after a restart, and each message is handled once.
  storage: fileStorage('echo-bot.jsonl', fs),
});
console.log(`echo-bot is ${relay.code}`);

async function answer(conversation) {
  for await (const message of conversation) {
    // Not confirmed as handled before the answer is stored: a crash in between repeats it, and loses nothing.
    await conversation.send(message.body);
    await message.markRead();
  }
}

for (const conversation of relay.conversations) void answer(conversation);
relay.on('conversation', ({ conversation }) => void answer(conversation));
relay.on('state', (state) => {
  if (state.state !== 'ended' || state.error.code === 'closed') return;
  console.error(state.error.message);
  process.exitCode = 1;
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await relay.flush({ signal: AbortSignal.timeout(2_000) });
    await relay.close();
  });
}
