import { z } from 'zod';
import { ROUTES } from '../../../src/admin/api.ts';
import { PATH_PARTS, type Route } from '../../../src/admin/route.ts';

/** docs/admin-api.json (OpenAPI 3.1) and docs/admin-api.md, from the table of routes. */

const REMEDY = 'Generated from the code by `npm run docs`.';

/** What every operation may answer, beside its own problems. */
const PROBLEMS: Readonly<Record<number, string>> = {
  400: 'A part of the request is not what the operation takes; `detail` says what would be right.',
  401: 'No token, or a wrong one.',
  403: 'The node has no RELAY_ADMIN_TOKEN: it only shows.',
  503: 'The store is away, or the node is starting: not known to be done.',
};

const REASON = { name: 'reason', means: 'Why, for the audit log.' };

const problemContent = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

const schemaOf = (schema: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
};

const namesIn = (path: string) => [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
const queryOf = ({ query = [], action }: Route) => [...query, ...(action === undefined ? [] : [REASON])];

function operation(route: Route): object {
  const { method, path, summary, body, answer, problems = {} } = route;
  const text = { type: 'string' };
  const parameters = [
    ...namesIn(path).map((name) => ({
      name,
      in: 'path',
      required: true,
      description: PATH_PARTS[name],
      schema: text,
    })),
    ...queryOf(route).map(({ name, means }) => ({ name, in: 'query', description: means, schema: text })),
  ];
  const refusals = Object.entries({ ...PROBLEMS, ...problems }).map(([status, description]) => [
    status,
    { description, content: problemContent },
  ]);
  const success = {
    description: answer.schema === undefined ? 'Done.' : 'What was asked for.',
    ...(answer.schema === undefined
      ? {}
      : { content: { 'application/json': { schema: schemaOf(answer.schema, 'output') } } }),
  };
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[/{}-]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { content: { 'application/json': { schema: schemaOf(body, 'input') } } } }),
    responses: { [answer.status]: success, ...Object.fromEntries(refusals) },
  };
}

export function adminOpenApi(): string {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of ROUTES) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  const document = {
    openapi: '3.1.0',
    info: {
      title: 'keyrelay admin API',
      version: '1',
      description: `On the admin port of every node. ${REMEDY.replaceAll('`', '')}`,
    },
    servers: [{ url: 'http://127.0.0.1:9464' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'RELAY_ADMIN_TOKEN' } },
      schemas: {
        Problem: {
          type: 'object',
          description: 'RFC 9457',
          required: ['type', 'title', 'status', 'detail'],
          properties: {
            type: { type: 'string' },
            title: { type: 'string' },
            status: { type: 'integer' },
            detail: { type: 'string' },
          },
        },
      },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

export function adminMarkdown(): string {
  const sections = ROUTES.map((route) => {
    const { method, path, summary, body, answer, problems = {} } = route;
    const lines = [`### \`${method} ${path}\``, '', summary, ''];
    for (const { name, means } of queryOf(route)) lines.push(`- \`?${name}\`: ${means}`);
    if (body !== undefined) lines.push(`- body: ${members(body, 'input')}`);
    lines.push(
      `- ${answer.status}${answer.schema === undefined ? '' : `: ${members(answer.schema, 'output')}`}`,
    );
    for (const [status, means] of Object.entries(problems)) lines.push(`- ${status}: ${means}`);
    return lines.join('\n');
  });
  return `# Admin API

<!-- ${REMEDY} -->

On the admin port of every node (\`RELAY_ADMIN_HOST\`, \`RELAY_ADMIN_PORT\`: 127.0.0.1:9464), for operators:
\`keyrelay admin\` uses it and nothing else, and [admin-api.json](admin-api.json) describes it for programs (OpenAPI 3.1).
It is served by nodes that have \`RELAY_ADMIN_TOKEN\` or \`RELAY_ADMIN_TOKEN_FILE\`; without, \`/v1\` answers 403.

\`\`\`sh
export RELAY_ADMIN_TOKEN=$(openssl rand -hex 24)      # the same on all nodes
curl -H "Authorization: Bearer $RELAY_ADMIN_TOKEN" http://127.0.0.1:9464/v1/nodes
\`\`\`

- The admin port speaks plain HTTP: keep it on loopback or a private network, and put TLS in front of it elsewhere.
- Times are UTC. Lists have \`items\` and \`next\`: ask again with \`?after=<next>\` until \`next\` is null.
- What changes something takes \`?reason=\`, and leaves a line in the audit log before it is done: the header
  \`X-Operator\` with the caller's address, the node, the action, its subject, and the reason.
- Errors are \`application/problem+json\`. Beside those below: ${Object.entries(PROBLEMS)
    .map(([status, means]) => `${status} (${means.replace(/\.$/, '')})`)
    .join('; ')}.

${sections.join('\n\n')}
`;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly description?: string;
}

/** The members of an object, and of the items of a list, with what their descriptions say. */
function members(schema: z.ZodType, io: 'input' | 'output'): string {
  const { properties = {} } = schemaOf(schema, io) as JsonSchema;
  return Object.entries(properties)
    .map(([name, { description, items }]) => {
      const inner = items?.properties;
      if (inner !== undefined) {
        return `\`${name}\` (each with ${Object.keys(inner)
          .map((each) => `\`${each}\``)
          .join(', ')})`;
      }
      return description === undefined ? `\`${name}\`` : `\`${name}\` (${description.replace(/\.$/, '')})`;
    })
    .join(', ');
}
