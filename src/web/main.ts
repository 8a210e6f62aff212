import {
  ClientError,
  type ConnectionState,
  type Identity,
  indexedDbStorage,
  Relay,
} from '../client/index.ts';
import { invitationTo } from './chat/address.ts';
import { Chat } from './chat/chat.ts';
import { takeInvite } from './chat/invite.ts';
import { keepPushed } from './chat/push.ts';
import { byId } from './dom/dom.ts';
import { saveFile } from './dom/save-file.ts';
import { type Backup, exportEverything, readBackup, takeOver } from './kept/backup.ts';
import { deleteDatabase, deleteEverything, RELAY_STORE, storageTaken } from './kept/everything.ts';
import { KeptFiles } from './kept/files.ts';
import { History } from './kept/history.ts';
import { loadIdentity } from './kept/identity.ts';
import { People } from './kept/people.ts';
import { readSettings } from './kept/settings.ts';
import { OwnCode } from './views/people/own-code.ts';
import { type SettingsActions, SettingsSheet } from './views/settings-sheet.ts';
import { WirePanel } from './views/wire-panel.ts';

/** Set over a reload by a person who has chosen to go on in this tab, and need not be asked again. */
const TAKE_OVER = 'keyrelay-take-over';
const DELETE_WITHIN_MS = 10_000;

function showState({ state }: ConnectionState): void {
  byId('connection', HTMLElement).dataset.state = state;
  byId('connection-text', HTMLElement).textContent = {
    connecting: 'Connecting…',
    live: 'Connected',
    offline: 'Offline',
    ended: 'Not connected',
  }[state];
}

/** Conversations from before can be read; the keys of all codes from before mean nothing now. */
async function getNewCode(relay: Relay | null, { people, history }: { people: People; history: History }) {
  for (const code of new Set([...people.codes, ...history.codes]))
    await people.set(code, { standing: 'before', verified: undefined, blockedAtRelay: undefined });
  await relay?.close();
  await deleteDatabase(RELAY_STORE);
  location.reload();
}

async function begin(): Promise<void> {
  const invite = takeInvite();
  const onBroken = () => chat?.storageBroken();
  const [history, people] = await Promise.all([History.open(onBroken), People.open(onBroken)]);
  const files = new KeptFiles();
  let relay: Relay | null = null;
  const chat = new Chat({
    history,
    people,
    files,
    onNewCode: () => void getNewCode(relay, { people, history }),
    onUseHere: () => {
      sessionStorage.setItem(TAKE_OVER, 'yes');
      location.reload();
    },
  });
  const shown = (state: ConnectionState) => {
    showState(state);
    chat.stateChanged(state);
  };
  try {
    const identity = await loadIdentity();
    let waited = false;
    relay = await Relay.open(location.origin, identity, {
      storage: indexedDbStorage(RELAY_STORE, indexedDB),
      answersStrangers: false,
      typing: readSettings().typing,
      ...(invite === null ? {} : { invite }),
      // Only pages of secure origins have locks.
      ...(navigator.locks === undefined ? {} : { locks: navigator.locks }),
      onElsewhere: (takeOver) => {
        if (sessionStorage.getItem(TAKE_OVER) !== null) {
          takeOver();
          return;
        }
        waited = true;
        chat.elsewhere(takeOver);
      },
    });
    sessionStorage.removeItem(TAKE_OVER);
    // The other tab has written meanwhile.
    if (waited) await Promise.all([history.reload(), people.reload()]);
    const opened = relay;
    const close = async () => {
      await opened.close();
      await Promise.all([history.close(), people.close(), files.close()]);
    };
    run(opened, chat, shown);
    new SettingsSheet(settingsActions({ relay: opened, identity, people, chat, close }));
  } catch (error) {
    shown({ state: 'ended', error: error as ClientError });
    throw error;
  }
}

function run(relay: Relay, chat: Chat, shown: (state: ConnectionState) => void): void {
  const panel = new WirePanel(() => relay.code);
  relay.on('frame', ({ direction, text }) => panel.add(direction, text));
  chat.connect(relay);
  const ownCode = new OwnCode();
  const changed = (state: ConnectionState) => {
    shown(state);
    // Not every browser has a push service that it reaches.
    if (state.state === 'live') keepPushed(relay).catch(() => {});
    if (relay.code !== null) ownCode.show(relay.code, invitationTo(relay.code));
  };
  relay.on('state', changed);
  changed(relay.state);
}

/** Resolves to why the relay did not, in words; null if it has. */
async function deleteAccount(relay: Relay): Promise<string | null> {
  const late = new Promise<string>((resolve) =>
    setTimeout(() => resolve('The relay does not answer.'), DELETE_WITHIN_MS),
  );
  const deleted = relay.deleteAccount().then(
    () => null,
    (error: unknown) => (error instanceof ClientError ? error.message : String(error)),
  );
  return Promise.race([deleted, late]);
}

function settingsActions(parts: {
  readonly relay: Relay;
  readonly identity: Identity;
  readonly people: People;
  readonly chat: Chat;
  /** Ends everything that writes. */
  readonly close: () => Promise<void>;
}): SettingsActions {
  const { relay, identity, people, chat, close } = parts;
  return {
    storageTaken,
    onExport: async (passphrase) => {
      saveFile(`keyrelay-${relay.code ?? 'backup'}.txt`, await exportEverything(identity, passphrase));
      return null;
    },
    onImport: async (file, passphrase) => {
      let backup: Backup;
      try {
        backup = await readBackup(await file.text(), passphrase);
      } catch (cause) {
        if (cause instanceof ClientError) return cause.message;
        throw cause;
      }
      await close();
      await takeOver(backup);
      // What was agreed under the identity of before is of no use to this one.
      await deleteDatabase(RELAY_STORE);
      location.replace('/');
      return null;
    },
    onNotify: () => void keepPushed(relay).catch(() => {}),
    onTyping: (wanted) => {
      relay.typing = wanted;
    },
    onFewRequests: () => chat.settleRefusals(),
    isConnected: () => relay.state.state === 'live',
    onDeleteAccount: () => deleteAccount(relay),
    onDeleteEverything: async () => {
      await close();
      await deleteEverything();
      location.replace('/');
    },
    blocked: () =>
      people.codes
        .filter((code) => people.standing(code) === 'blocked')
        .map((code) => ({ code, name: people.nameOf(code) })),
    onUnblock: (code) => chat.unblock(code),
  };
}

function keepOffline(): void {
  // Only pages of secure origins have service workers.
  navigator.serviceWorker?.register('/service-worker.js').catch(() => {
    // Without one the page needs the relay to open; everything else works.
  });
}

addEventListener('load', keepOffline);
void begin();
