import { createIdentity, identityFrom, indexedDbStorage, Relay } from 'keyrelay-client';

const show = (id, text) => {
  document.getElementById(id).textContent = text;
};

/** The same person after a reload. A person who can read this browser's storage has the keys: real pages encrypt them. */
function keptIdentity() {
  const kept = localStorage.getItem('identity');
  if (kept !== null) return identityFrom(...JSON.parse(kept).map((key) => Uint8Array.from(key)));
  const identity = createIdentity();
  localStorage.setItem('identity', JSON.stringify([[...identity.signingKey], [...identity.exchangeKey]]));
  return identity;
}

function list(text) {
  const item = document.createElement('li');
  // textContent, never innerHTML: others decide what it says.
  item.textContent = text;
  document.getElementById('messages').append(item);
  return (mark) => {
    item.textContent = `${text} (${mark})`;
  };
}

function offerToAccept(conversation) {
  const button = document.createElement('button');
  button.textContent = `Accept ${conversation.code}`;
  button.addEventListener('click', async () => {
    await conversation.accept();
    button.remove();
  });
  document.getElementById('requests').append(button);
}

/** Codes of those whose messages are being read. */
const reading = new Set();

async function read(conversation) {
  if (reading.has(conversation.code)) return;
  reading.add(conversation.code);
  // A new sender learns nothing, not even that a message came, until the user accepts, or writes to them.
  if (!conversation.accepted) offerToAccept(conversation);
  for await (const message of conversation) {
    list(`${conversation.code}: ${message.body}`);
    await message.markRead();
  }
}

// ?relay=https://… for a relay elsewhere, which has to allow this page's origin (RELAY_ALLOWED_ORIGINS).
const url = new URLSearchParams(location.search).get('relay') ?? location.origin;
const relay = await Relay.open(url, keptIdentity(), {
  storage: indexedDbStorage('keyrelay-example', indexedDB),
  // Of several tabs, one holds the connection.
  locks: navigator.locks,
});
relay.on('state', ({ state }) => {
  show('state', state);
  show('code', relay.code ?? '…');
});
for (const conversation of relay.conversations) void read(conversation);
relay.on('conversation', ({ conversation }) => void read(conversation));

document.getElementById('compose').addEventListener('submit', async (event) => {
  event.preventDefault();
  const { to, text } = event.target.elements;
  try {
    show('problem', '');
    const conversation = await relay.startConversation(to.value);
    // The event `conversation` is for those that others begin.
    void read(conversation);
    const mark = list(`to ${conversation.code}: ${text.value}`);
    const sending = conversation.send(text.value);
    text.value = '';
    await sending.stored;
    mark('stored');
    await sending.delivered;
    mark('delivered');
  } catch (error) {
    show('problem', error.message);
  }
});
