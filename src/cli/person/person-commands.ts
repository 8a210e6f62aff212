import type { Run } from '../command.ts';

/** What every command takes that talks as a person, by the SDK. */
const PERSON = `  --url URL          the relay, such as https://relay.example (or RELAY_URL; http://127.0.0.1:8080)
  --identity FILE    who you are (or KEYRELAY_IDENTITY; ~/.config/keyrelay/identity); made if it is not there
  --json             output for programs: one JSON object a line

keyrelay help identity says what lies on disk and how to encrypt it; keyrelay help exit-codes, what commands end with.`;

export const PERSON_COMMANDS = {
  identity: {
    summary: 'shows who you are: your code and keys; makes them the first time',
    usage: `  --invite TOKEN     lets you in where new users need an invitation: the token, or the whole link
  --export           prints the identity, encrypted under a passphrase, to carry it elsewhere
  --import           reads such an export from standard input, if there is no identity yet
  delete --yes       deletes your account at the relay, with everything that waits for you; no other user ever gets your code
${PERSON}

On disk, readable by you alone: FILE, two private keys; FILE.HOST.state.jsonl, for each relay, what must survive (your
code there, keys agreed with others, messages that wait), encrypted by a key that only FILE gives, and rid of old keys after
each new exchange of them; FILE.HOST.sending.json, where files lie that are on their way, not encrypted. A passphrase
encrypts FILE when it is made, and opens it: KEYRELAY_PASSPHRASE, the first line of KEYRELAY_PASSPHRASE_FILE, or typed at the
terminal. Without one, anybody who can read FILE can act as you and read the state. One process at a time uses each relay.

A relay that was set up anew knows no users: the next command gets you a new code, says so, and puts the old state aside.`,
    load: (): Promise<{ readonly run: Run }> => import('./identity.ts'),
  },
  chat: {
    summary: 'talks with another user in the terminal: keyrelay chat CODE',
    usage: `  keyrelay chat CODE

A line is a message. The sign before yours: . waiting, + stored by the relay, ++ delivered, * read, ! not delivered.
/number shows the safety number, /trust accepts a changed key once you have compared it, /file PATH sends a file,
/help lists all, /quit or Ctrl-D ends. Exit code 3 if messages still wait for the relay.
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./chat/chat.ts'),
  },
  send: {
    summary: 'sends files, folders or standard input: keyrelay send [CODE] [FILE…|-]',
    usage: `  keyrelay send notes.pdf photos/        prints a code for keyrelay receive, at any other machine
  keyrelay send CODE notes.pdf           to the person with this code
  date | keyrelay send CODE

Without CODE, it prints a one-time code such as E011T7D-ocean-lunar and waits for the person who types it. Neither side
needs an identity. Each code can be tried once: a wrong one ends it, so two words are enough, and nothing in between,
neither the relay, can take part.
With CODE, standard input is a message if it is text that fits into one, otherwise a file. Ends when the relay has stored
everything. A file that is too large to wait at the relay goes while both sides are there.
A folder goes as a tar archive, made in the folder for temporary files, without links. After an interruption the same
command goes on where it stopped; with CODE, keyrelay listen does so too.
  --delivered        ends when the other has it
  --file PATH        another way to name a file; - is standard input, as a file
  --name NAME        sends standard input as a file of this name
  --timeout SECONDS  gives up after so long without progress (60)
  --invite TOKEN     without CODE: lets you in where new users need an invitation; the token, or the whole link
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./send.ts'),
  },
  receive: {
    summary: 'receives what keyrelay send has printed a code for: keyrelay receive CODE',
    usage: `  keyrelay receive E011T7D-ocean-lunar

Says what comes and asks before it writes; writes over nothing; checks the SHA-256 of each file. After an interruption the
same command goes on where it stopped.
  --into DIR         where it goes (the current folder)
  --yes              does not ask
  --timeout SECONDS  gives up after so long without progress (60)
  --invite TOKEN     lets you in where new users need an invitation: the token, or the whole link
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./by-code/receive.ts'),
  },
  listen: {
    summary: 'prints what others write, one JSON object a line, for scripts and bots',
    usage: `  keyrelay listen | while read -r line; do …; done

{"from":"E011T7D","id":"…","at":"2026-01-02T03:04:05.678Z","body":"Hello"}
  --count N          ends after N messages
  --save DIR         fetches files into DIR, writing over none, and prints {"from":…,"file":…,"size":…} for each
Goes on with files that were interrupted, in both directions.
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./listen.ts'),
  },
  block: {
    summary: 'keeps a person from writing to you: keyrelay block CODE',
    usage: `  keyrelay block CODE
  keyrelay unblock CODE
  keyrelay blocks

From then on the relay stores nothing that the blocked person sends, and the person cannot tell.
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./hearing.ts').then(({ block: run }) => ({ run })),
  },
  unblock: {
    summary: 'lets a blocked person write to you again: keyrelay unblock CODE',
    usage: `  keyrelay unblock CODE
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./hearing.ts').then(({ unblock: run }) => ({ run })),
  },
  report: {
    summary: "shows a person's last messages to the relay's operators: keyrelay report CODE [REASON]",
    usage: `  keyrelay report CODE it sells watches

Operators see the last messages that came here from this person (8 at most), as the relay delivered them: codes, times, sizes, and
signatures that prove who sent them to whom. What was written stays encrypted: say in REASON (500 characters) what it is about.
The person learns nothing. The relay takes one report a minute. It does not block the person: see keyrelay help block.
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./hearing.ts').then(({ report: run }) => ({ run })),
  },
  blocks: {
    summary: 'lists the people that you have blocked',
    usage: `One code a line.
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./hearing.ts').then(({ blocks: run }) => ({ run })),
  },
  policy: {
    summary: 'says who may write to you: keyrelay policy anyone|known',
    usage: `  anyone    everybody that you have not blocked, as at first
  known     those to whom you have written; strangers may leave one request each
${PERSON}`,
    load: (): Promise<{ readonly run: Run }> => import('./hearing.ts').then(({ policy: run }) => ({ run })),
  },
  ping: {
    summary: 'times the way through the relay and back to yourself, step by step',
    usage: `  --count N          so many envelopes (5)
${PERSON}

Look-up: the HTTP side and the store. Login: TCP, TLS, WebSocket, signature, claim. Accepted: verified and stored.
Delivered: woken up, pushed, and here.`,
    load: (): Promise<{ readonly run: Run }> => import('./ping.ts'),
  },
} as const;
