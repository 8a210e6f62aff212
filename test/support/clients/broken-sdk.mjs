import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { createIdentity, Relay } from '../../../dist/client/index.js';

/** A program on the SDK, version 2 between the peers, with one rule broken. Arguments: the rule, the relay's URL. */
const [, , broken, url] = process.argv;

class Mute extends WebSocket {
  send(frame) {
    if (!String(frame).includes('"type":"message"')) super.send(frame);
  }
}

const relay = await Relay.open(url, createIdentity(), {
  WebSocket: broken === 'missing' ? Mute : WebSocket,
  answersStrangers: true,
});
createInterface({ input: process.stdin }).on('line', () => {});
const late = [];
const show = (from, { body }) => console.log(JSON.stringify({ from, body }));
for await (const { conversation, message } of relay.messages()) {
  if (broken === 'order' && late.push(message) === 1) continue;
  show(conversation.code, message);
  for (const held of late.splice(0)) if (held !== message) show(conversation.code, held);
}
