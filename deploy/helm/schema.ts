import type { Setting } from '../../src/ops/settings/setting.ts';
import { SETTINGS } from '../../src/ops/settings/settings.ts';

/** keyrelay/values.schema.json: what Helm refuses before anything reaches the cluster. `npm run docs` writes it. */

const text = { type: 'string' } as const;
const name = { type: 'string', minLength: 1 } as const;
const flag = { type: 'boolean' } as const;
const texts = { type: 'object', additionalProperties: text } as const;
const port = { type: 'integer', minimum: 1, maximum: 65_535 } as const;
const cidr = { type: 'string', pattern: '^[0-9a-fA-F.:]+/[0-9]{1,3}$' } as const;
const list = (items: object) => ({ type: 'array', items });
/** In the words of Kubernetes, which checks them. */
const theirs = { type: 'object' } as const;

/** Only these members, so that a misspelt one is noticed. */
const closed = (properties: object, required: readonly string[] = []) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...(required.length === 0 ? {} : { required }),
});

/** Settings that follow from other values, or from the pod. */
const CHART_OWNED = [
  'RELAY_HOST',
  'RELAY_PORT',
  'RELAY_ADMIN_HOST',
  'RELAY_ADMIN_PORT',
  'RELAY_NODE_ID',
  'RELAY_REDIS_URL',
  'RELAY_PUBLIC_URL',
  'RELAY_TRUSTED_PROXIES',
];

/** Settings that may come from a file of their own. */
function secrets(): object {
  const secret = Object.values<Setting<unknown>>(SETTINGS).filter(({ secret }) => secret === true);
  const given = secret.filter(({ env }) => !CHART_OWNED.includes(env));
  const key = { type: 'string', pattern: '^[A-Za-z0-9._-]+$' };
  return closed({ name: text, keys: closed(Object.fromEntries(given.map(({ env }) => [env, key]))) });
}

function settings(): object {
  const given = Object.values(SETTINGS).filter(({ env }) => !CHART_OWNED.includes(env));
  const properties = Object.fromEntries(
    given.map(({ env }) => [env, { type: ['string', 'integer', 'boolean'] }]),
  );
  // The time that a pod gets to stop is worked out from it.
  const drain = { type: ['string', 'integer'], pattern: '^[0-9]{1,6}$', minimum: 0, maximum: 600_000 };
  return closed({ ...properties, RELAY_DRAIN_MS: drain }, ['RELAY_DRAIN_MS']);
}

export function valuesSchemaJson(): string {
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the keyrelay chart',
    ...closed(
      {
        image: closed(
          {
            repository: { ...name, pattern: '^[a-z0-9][a-z0-9._/:-]*$' },
            tag: { type: 'string', pattern: '^[A-Za-z0-9_.-]*$' },
            digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
            pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
          },
          ['repository'],
        ),
        imagePullSecrets: list(name),
        replicas: { type: 'integer', minimum: 1 },
        redis: closed({ urlSecret: name, urlKey: name, caSecret: text, caKey: name }, [
          'urlSecret',
          'urlKey',
        ]),
        hosts: { ...list({ type: 'string', pattern: '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' }), minItems: 1 },
        trustedProxies: list({ ...cidr, not: { pattern: '/0$' } }),
        settings: settings(),
        secrets: secrets(),
        extraEnv: list(closed({ name, value: text, valueFrom: theirs }, ['name'])),
        extraVolumes: list(theirs),
        extraVolumeMounts: list(theirs),
        resources: closed({ requests: theirs, limits: theirs, claims: list(theirs) }),
        podAnnotations: texts,
        podLabels: texts,
        nodeSelector: texts,
        tolerations: list(theirs),
        affinity: theirs,
        priorityClassName: text,
        serviceAccountName: text,
        service: closed({ type: { enum: ['ClusterIP', 'NodePort', 'LoadBalancer'] }, annotations: texts }),
        autoscaling: closed({
          enabled: flag,
          max: { type: 'integer', minimum: 1 },
          cpuPercent: { type: 'integer', minimum: 1, maximum: 100 },
          sockets: { type: ['integer', 'null'], minimum: 1 },
        }),
        preStopSeconds: { type: 'integer', minimum: 0, maximum: 300 },
        httpRoute: closed({
          enabled: flag,
          gateway: closed({ name, namespace: name }, ['name', 'namespace']),
          annotations: texts,
        }),
        ingress: closed({ enabled: flag, className: text, annotations: texts, tlsSecret: text }),
        serviceMonitor: closed({
          enabled: flag,
          interval: { type: 'string', pattern: '^[0-9]+(ms|s|m)$' },
          labels: texts,
          disabledAlerts: list({ type: 'string', pattern: '^Keyrelay' }),
        }),
        networkPolicy: closed({
          enabled: flag,
          clientsFrom: texts,
          metricsFrom: texts,
          redisPorts: { ...list(port), minItems: 1 },
          redisNetworks: list(cidr),
          extraEgress: list(theirs),
        }),
        // Helm's own.
        global: theirs,
      },
      ['image', 'redis', 'hosts', 'settings'],
    ),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}
