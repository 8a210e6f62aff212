import type { ConnectionState } from '../../client/index.ts';
import type { Standing } from '../kept/people.ts';
import type { BannerState } from '../views/banner.ts';
import type { TrustState } from './trust.ts';

/** What may be in the way, of everything and of the open conversation. */
export interface Situation {
  readonly connection: ConnectionState | { readonly state: 'elsewhere'; readonly takeOver: () => void };
  /** When the next try starts, in milliseconds since 1970. */
  readonly retryAtMs: number;
  readonly nowMs: number;
  readonly storageBroken: boolean;
  /** Null if no conversation is open. */
  readonly open: {
    readonly name: string;
    readonly trust: TrustState;
    readonly standing: Standing;
    readonly wasVerified: boolean;
    readonly full: boolean;
    readonly downgraded: boolean;
  } | null;
}

export interface StatusActions {
  readonly onReload: () => void;
  readonly onUseHere: () => void;
  readonly onNewCode: () => void;
  readonly onRetry: () => void;
  readonly onCompare: () => void;
  readonly onWeakerKeys: () => void;
  readonly onAccept: () => void;
  readonly onBlock: () => void;
  readonly onReport: () => void;
  readonly onUnblock: () => void;
  readonly onDelete: () => void;
}

/** The one thing to say now: what concerns everything first, then the open conversation. */
export function bannerFor(situation: Situation, actions: StatusActions): BannerState | null {
  return (
    bannerForAll(situation, actions) ?? bannerForOpen(situation, actions) ?? bannerForLine(situation, actions)
  );
}

function bannerForAll({ connection, storageBroken }: Situation, actions: StatusActions): BannerState | null {
  const again = { label: 'Try again', act: actions.onReload };
  if (storageBroken) {
    const text = 'Perhaps the disk is full. What you write now would be lost when the page is closed.';
    return {
      kind: 'storage',
      tone: 'warn',
      title: 'This browser does not store anything',
      text,
      actions: [again],
    };
  }
  if (connection.state === 'elsewhere') {
    return {
      kind: 'elsewhere',
      tone: 'info',
      title: 'Open in another tab',
      text: 'keyrelay is open in another tab of this browser. Here you can read.',
      actions: [{ label: 'Use it here', act: connection.takeOver }],
    };
  }
  if (connection.state !== 'ended') return null;
  switch (connection.error.code) {
    case 'displaced':
      return {
        kind: 'displaced',
        tone: 'info',
        title: 'You went on elsewhere',
        text: 'Another tab or device of yours is connected. Here you can read.',
        actions: [{ label: 'Use it here', act: actions.onUseHere }],
      };
    case 'account_gone':
      return {
        kind: 'forgotten',
        tone: 'warn',
        title: 'This relay has forgotten you',
        text: 'It was set up anew and knows no codes from before. Your key and everything that was said stay here. You need a new code, and so do the people you talk to.',
        actions: [{ label: 'Get a new code', act: actions.onNewCode }],
      };
    default:
      return {
        kind: 'ended',
        tone: 'warn',
        title: 'Not connected',
        text: connection.error.message,
        actions: [again],
      };
  }
}

function bannerForOpen({ open }: Situation, actions: StatusActions): BannerState | null {
  if (open === null) return null;
  const { name, standing, trust, wasVerified, downgraded } = open;
  if (standing === 'before') {
    const text =
      'This conversation is from before the relay was set up anew. If they have a new code, start a new one.';
    return { kind: 'before', tone: 'info', title: 'Only to read', text };
  }
  if (standing === 'blocked') {
    const act = { label: 'Unblock', act: actions.onUnblock, quiet: true } as const;
    const text = 'You see nothing that they write, and they cannot tell.';
    return { kind: 'blocked', tone: 'info', title: `You have blocked ${name}`, text, actions: [act] };
  }
  if (trust === 'changed') {
    const compared = wasVerified ? 'You had compared their safety number, and it is another one now. ' : '';
    return {
      kind: 'changed',
      tone: 'warn',
      title: `The key of ${name} has changed`,
      text: `${compared}People who start afresh also get a new code, so this should not happen: somebody may be intercepting your messages. Nothing is sent until you have compared the new number, in person or on the phone.`,
      actions: [{ label: 'Compare the new number', act: actions.onCompare }],
    };
  }
  if (downgraded) {
    return {
      kind: 'downgraded',
      tone: 'warn',
      title: `${name} offers weaker keys than before`,
      text: 'This page refuses them: somebody may be intercepting your messages. Go on with them only if they tell you, in person or on the phone, that they have gone back to an older program.',
      actions: [{ label: 'Go on with weaker keys', act: actions.onWeakerKeys }],
    };
  }
  if (standing === 'request') {
    return {
      kind: 'request',
      tone: 'info',
      title: `${name} wants to talk to you`,
      text: 'You do not know them yet. They learn nothing until you accept, not even that you are here.',
      actions: [
        { label: 'Accept', act: actions.onAccept },
        { label: 'Block', act: actions.onBlock, quiet: true },
        { label: 'Report', act: actions.onReport, quiet: true },
        { label: 'Delete', act: actions.onDelete, quiet: true },
      ],
    };
  }
  return null;
}

function bannerForLine(
  { connection, open, retryAtMs, nowMs }: Situation,
  actions: StatusActions,
): BannerState | null {
  if (connection.state === 'offline') {
    const seconds = Math.max(1, Math.ceil((retryAtMs - nowMs) / 1000));
    return {
      kind: 'offline',
      tone: 'info',
      title: 'The relay cannot be reached',
      text: `Next try in ${seconds} s. You can read, and what you send will wait.`,
      actions: [{ label: 'Try now', act: actions.onRetry, quiet: true }],
    };
  }
  if (open?.full) {
    return {
      kind: 'full',
      tone: 'info',
      title: `The mailbox of ${open.name} is full`,
      text: 'Your messages wait here, and go by themselves as soon as there is room: when they come online.',
    };
  }
  return null;
}
