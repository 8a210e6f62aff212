import type { ClientError } from '../../../client/index.ts';

/** What went wrong, for the person before the page. */
export function wordsFor(error: ClientError): string {
  switch (error.code) {
    case 'user_unknown':
      return 'No user has this code. Is it complete?';
    case 'unreachable':
      return 'The relay cannot be reached just now. Try again in a moment.';
    case 'key_changed':
      return 'It was written for their previous key.';
    case 'too_large':
      return 'It is too long for one message.';
    case 'outbox_full':
      return 'Too many messages wait for the relay. Send it again when it is back.';
    case 'unreadable':
      return 'Their browser could not decrypt it.';
    default:
      return error.message;
  }
}
