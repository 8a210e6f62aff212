import { type ClientError, type ConnectionState, indexedDbStorage, Relay } from '../client/index.ts';
import { Chat } from './chat.ts';
import { byId } from './dom.ts';
import { History } from './history.ts';
import { loadIdentity } from './identity-store.ts';
import { showOwnCode } from './own-code.ts';
import { stop } from './stop.ts';
import { WirePanel } from './wire-panel.ts';

const RELAY_STORE = 'keyrelay-relay';
/** Set over a reload by who has chosen to go on in this tab, and need not be asked again. */
const TAKE_OVER = 'keyrelay-take-over';
/** Keeps an invitation over reloads of this tab. */
const INVITE = 'keyrelay-invite';

function showState(state: ConnectionState): void {
  byId('connection', HTMLElement).dataset.state = state.state;
  byId('connection-text', HTMLElement).textContent = {
    connecting: 'Connecting…',
    live: 'Connected',
    offline: 'Offline',
    ended: 'Not connected',
  }[state.state];
  if (state.state === 'ended') showEnd(state.error);
}

function showEnd(error: ClientError): void {
  const reload = () => location.reload();
  switch (error.code) {
    case 'displaced':
      stop(
        {
          title: 'You went on elsewhere',
          text: 'Another tab or device of yours is connected. Only one at a time can be.',
          action: 'Use it here',
        },
        () => {
          sessionStorage.setItem(TAKE_OVER, 'yes');
          reload();
        },
      );
      return;
    case 'account_gone':
      stop(
        {
          title: 'This relay has forgotten you',
          text: 'It was set up anew and knows no codes from before. Your key stays, but you need a new code, and so do those you talked to.',
          action: 'Get a new code',
        },
        () => {
          for (const name of [RELAY_STORE, 'keyrelay-history']) indexedDB.deleteDatabase(name);
          reload();
        },
      );
      return;
    default:
      stop({ title: 'This cannot go on', text: error.message, action: 'Try again' }, reload);
  }
}

/** `#invite=TOKEN` lets a new user in. It leaves the address bar at once: whoever copies that would pass it on. */
function takeInvite(): string | null {
  const [, token] = /^#invite=(.+)$/.exec(location.hash) ?? [];
  if (token === undefined) return sessionStorage.getItem(INVITE);
  sessionStorage.setItem(INVITE, decodeURIComponent(token));
  history.replaceState(null, '', location.pathname);
  return decodeURIComponent(token);
}

async function begin(): Promise<void> {
  const invite = takeInvite();
  const identity = await loadIdentity();
  const relay = await Relay.open(location.origin, identity, {
    storage: indexedDbStorage(RELAY_STORE, indexedDB),
    ...(invite === null ? {} : { invite }),
    // Only pages of secure origins have locks.
    ...(navigator.locks === undefined ? {} : { locks: navigator.locks }),
    onElsewhere: (takeOver) => {
      if (sessionStorage.getItem(TAKE_OVER) !== null) {
        takeOver();
        return;
      }
      const text = 'keyrelay is open in another tab of this browser. It can be used in one at a time.';
      stop({ title: 'Open in another tab', text, action: 'Use it here' }, takeOver);
    },
  });
  sessionStorage.removeItem(TAKE_OVER);
  byId('stop', HTMLDialogElement).close();
  const panel = new WirePanel(() => relay.code);
  relay.on('frame', ({ direction, text }) => panel.add(direction, text));
  const chat = new Chat(relay, await History.open());
  const shown = (state: ConnectionState) => {
    showState(state);
    if (relay.code !== null) showOwnCode(relay.code);
    chat.stateChanged(state);
  };
  relay.on('state', shown);
  shown(relay.state);
}

begin().catch((error: unknown) => {
  showEnd(error as ClientError);
  throw error;
});
