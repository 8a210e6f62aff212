import { createECDH } from 'node:crypto';
import { sendStored } from '../../support/clients/scene.ts';
import { command } from '../../support/plain/commands.ts';
import { PlainClient } from '../../support/plain/plain-client.ts';
import type { PushService } from '../../support/services/push-service.ts';
import type { WebhookReceiver } from '../../support/services/webhook-receiver.ts';
import { until } from '../../support/until.ts';
import { type Fault, newUser } from './fault.ts';

/** What the node `waking` wakes users by. */
export interface Wakers {
  readonly receiver: WebhookReceiver;
  readonly service: PushService;
}

/** A node that wakes users. */
export function wakingSettings({ receiver, service }: Wakers): Record<string, string> {
  const vapid = createECDH('prime256v1');
  vapid.generateKeys();
  return {
    ...receiver.settings,
    RELAY_PUSH_VAPID_KEY: vapid.getPrivateKey('base64url'),
    RELAY_PUSH_SUBJECT: 'mailto:operator@example.org',
    RELAY_PUSH_SERVICES: service.host,
    RELAY_PUSH_PRIVATE: 'true',
  };
}

export const wakeFaults = ({ receiver, service }: Wakers): readonly Fault[] => [
  {
    what: 'the receiver of wake-ups and the push service answer 503, and a user who is away gets mail',
    alerts: ['KeyrelayWakesFailing', 'KeyrelayPushesFailing'],
    slow: true,
    begin: async (stage) => {
      const node = stage.extra('waking');
      const [away, user] = [await newUser(node.http), await newUser(node.http)];
      const device = await PlainClient.login(node.ws, away, { protocol: 2 });
      const { endpoint, p256dh, auth } = service.subscribe();
      await command(device, away, 'push', { endpoint, p256dh, auth });
      await device.close();
      receiver.answer = () => ({ status: 503 });
      service.answer = () => 503;
      const client = await PlainClient.login(node.ws, user, { protocol: 2 });
      await sendStored(client, { sender: user, recipient: away.code, payload: 'wake up' });
      await client.close();
      await until(() => service.received.length > 0 && receiver.received.length > 0, {
        what: 'the node to try both ways',
      });
      return () => {
        receiver.answer = () => ({ status: 204 });
        service.answer = () => 201;
      };
    },
  },
];
