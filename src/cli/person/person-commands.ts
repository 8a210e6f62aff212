import type { Run } from '../command.ts';

/** Every command that talks as a person, by the SDK. */
const PERSON = `  --url URL          the relay, such as https://relay.example (or RELAY_URL; http://127.0.0.1:8080)
  --identity FILE    who you are (or KEYRELAY_IDENTITY; ~/.config/keyrelay/identity); made if it is not there
  --json             output for programs: one JSON object a line

Beside the identity, FILE.state.jsonl keeps what must survive; one process at a time uses it. KEYRELAY_PASSPHRASE, if
set, encrypts a new identity and opens an encrypted one.`;

const EXITS = `Exit codes: 0 done, 1 failed, 2 a command line that cannot be, 3 the relay cannot be reached, or not in time,
4 nobody has the code, 5 the other's key has changed, 6 the same identity is in use elsewhere.`;

export const PERSON_COMMANDS = {
  identity: {
    summary: 'shows who you are: your code and keys; makes them the first time',
    usage: `  --export           prints the identity, encrypted by KEYRELAY_PASSPHRASE, to carry it elsewhere
${PERSON}

${EXITS}`,
    load: (): Promise<{ readonly run: Run }> => import('./identity.ts'),
  },
  chat: {
    summary: 'talks with somebody in the terminal: keyrelay chat CODE',
    usage: `  keyrelay chat CODE

A line is a message. After it: . waiting, + stored, ++ delivered, * read. /number shows the safety number, /trust
accepts a changed key once you have compared it, /quit or Ctrl-D ends.
${PERSON}

${EXITS}`,
    load: (): Promise<{ readonly run: Run }> => import('./chat.ts'),
  },
  send: {
    summary: 'sends a file or standard input: keyrelay send CODE [FILE|-]',
    usage: `  keyrelay send CODE notes.pdf
  date | keyrelay send CODE

Standard input is sent as text, one message; a file in parts, which "keyrelay listen --save" puts together again. Ends
when the relay has stored everything.
  --delivered        ends when the other has it
  --timeout SECONDS  gives up after this (60)
${PERSON}

${EXITS}`,
    load: (): Promise<{ readonly run: Run }> => import('./send.ts'),
  },
  listen: {
    summary: 'prints what others write, one JSON object a line, for scripts and bots',
    usage: `  keyrelay listen | while read -r line; do …; done

{"from":"E011T7D","id":"…","at":"2026-01-02T03:04:05.678Z","body":"Hello"}
  --count N          ends after N messages
  --save DIR         puts files together in DIR, and prints {"from":…,"file":…,"size":…} for each
${PERSON}

${EXITS}`,
    load: (): Promise<{ readonly run: Run }> => import('./listen.ts'),
  },
  ping: {
    summary: 'times the way through the relay and back to oneself, step by step',
    usage: `  --count N          so many envelopes (5)
${PERSON}

Look-up: the HTTP side and the store. Login: TCP, TLS, WebSocket, signature, claim. Accepted: verified and stored.
Delivered: woken up, pushed, and here.

${EXITS}`,
    load: (): Promise<{ readonly run: Run }> => import('./ping.ts'),
  },
} as const;
