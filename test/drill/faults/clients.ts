import { PlainClient } from '../../support/plain/plain-client.ts';
import { registerUser } from '../../support/plain/users.ts';
import { type Fault, newUser, repeatedly } from './fault.ts';

/** A node that soon damps devices that displace each other. */
export const FLAPPING = { RELAY_TAKEOVERS_MAX: '2' };
/** A node with room for few connections. */
export const SMALL = { RELAY_MAX_SOCKETS: '10' };
const SMALL_SOCKETS = 10;
/** A node that takes no new users. */
export const CLOSED = { RELAY_MAX_USERS: '1' };

export const CLIENT_FAULTS: readonly Fault[] = [
  {
    what: 'a node with room for ten connections is full, and more arrive',
    alerts: ['KeyrelayNewcomersRefused', 'KeyrelaySocketsNearlyFull'],
    slow: true,
    begin: async (stage) => {
      const node = stage.extra('small');
      const clients: PlainClient[] = [];
      while (clients.length < SMALL_SOCKETS) {
        clients.push(await PlainClient.login(node.ws, await newUser(node.http)));
      }
      const end = repeatedly(200, () => PlainClient.open(node.ws));
      return async () => {
        await end();
        await Promise.all(clients.map((client) => client.close()));
      };
    },
  },
  {
    what: 'a sender keeps writing to a recipient who is offline',
    alerts: ['KeyrelayMailboxesFull'],
    slow: true,
    begin: async ({ http, ws }) => {
      const [away, user] = [await newUser(http), await newUser(http)];
      const client = await PlainClient.login(ws, user);
      const message = '{"type":"message","payload":"are you there?"}';
      const data = `{"sender":"${user.code}","recipient":"${away.code}","message":${message}}`;
      const end = repeatedly(20, () => client.sendData(user, data));
      return async () => {
        await end();
        await client.close();
      };
    },
  },
  {
    what: 'two devices of each of five users keep displacing each other',
    alerts: ['KeyrelayDevicesFlap'],
    slow: true,
    begin: async (stage) => {
      const node = stage.extra('flapping');
      const users = await Promise.all(Array.from({ length: 5 }, () => newUser(node.http)));
      const ends = users.map((user) => repeatedly(500, () => PlainClient.login(node.ws, user)));
      return async () => {
        await Promise.all(ends.map((end) => end()));
      };
    },
  },
  {
    what: 'users register at a node whose RELAY_MAX_USERS is reached',
    alerts: ['KeyrelayRegistrationsRefused'],
    slow: true,
    begin: async (stage) => repeatedly(200, () => registerUser(stage.extra('closed').http)),
  },
];
