import { createHash, randomBytes } from 'node:crypto';
import { invitationId } from '../engine/verbs/invitations.ts';
import { AdminProblem, type Route } from './route.ts';
import {
  auditLine,
  createdInvitation,
  invitation,
  limit,
  listOf,
  newInvitation,
  newLimit,
  node,
  pageOf,
  report,
} from './shapes.ts';

const AFTER = { name: 'after', means: '`next` of the page before.' };
const NO_CONTENT = { status: 204 } as const;
/** 128 bits cannot be guessed. */
const TOKEN_BYTES = 16;

/** Invitations, nodes, limits, and what operators have done. */
export const RELAY_ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/invitations',
    summary: 'Creates an invitation.',
    action: 'invite create',
    body: newInvitation,
    answer: { status: 201, schema: createdInvitation },
    problems: { 409: 'There are 10,000 invitations already.' },
    handle: async ({ engine }, { body }) => {
      const { uses, expires_in_s: seconds, note } = newInvitation.parse(body);
      const token = randomBytes(TOKEN_BYTES).toString('base64url');
      const hash = createHash('sha256').update(token).digest('hex');
      const expiresInMs = seconds === null ? null : seconds * 1000;
      const result = await engine.invitations.create({ hash, uses, expiresInMs, note });
      if (result !== 'created')
        throw new AdminProblem(409, 'there are 10,000 invitations already: revoke some');
      const expiresAt = expiresInMs === null ? null : new Date(Date.now() + expiresInMs).toISOString();
      return { status: 201, json: { token, id: invitationId(hash), uses, expires_at: expiresAt } };
    },
  },
  {
    method: 'GET',
    path: '/v1/invitations',
    summary: 'Invitations, the newest first. Tokens are not kept.',
    query: [AFTER],
    answer: { status: 200, schema: pageOf(invitation) },
    handle: async ({ engine }, { query }) => {
      const { invitations, next } = await engine.invitations.list(query.after ?? null);
      const items = invitations.map(({ id, uses, left, note, createdAt, expiresAt }) => ({
        id,
        uses,
        left,
        note,
        created_at: createdAt,
        expires_at: expiresAt,
      }));
      return { status: 200, json: { items, next } };
    },
  },
  {
    method: 'DELETE',
    path: '/v1/invitations/{id}',
    summary: 'Revokes an invitation. Users who came by it stay.',
    action: 'invite revoke',
    answer: NO_CONTENT,
    problems: { 404: 'No invitation has this id.' },
    handle: async ({ engine }, { path: { id = '' } }) => {
      if (await engine.invitations.revoke(id)) return NO_CONTENT;
      throw new AdminProblem(404, `no invitation has the id ${id}`);
    },
  },
  {
    method: 'GET',
    path: '/v1/nodes',
    summary: 'Nodes that live.',
    answer: { status: 200, schema: listOf(node) },
    handle: async ({ engine }) => ({ status: 200, json: { items: await engine.liveNodes() } }),
  },
  {
    method: 'POST',
    path: '/v1/nodes/{node}/drain',
    summary:
      'Asks a node to stop, as SIGTERM does: it is not ready, closes its connections over RELAY_DRAIN_MS, and ends.',
    action: 'node drain',
    answer: { status: 202 },
    problems: { 404: 'No live node has this name.' },
    handle: async ({ engine, nodeId }, { path: { node: asked = '' } }) => {
      const isLive = asked === nodeId || (await engine.liveNodes()).some(({ id }) => id === asked);
      if (!isLive) throw new AdminProblem(404, `no live node is called ${asked}`);
      await engine.control.askToDrain(asked);
      return { status: 202 };
    },
  },
  {
    method: 'GET',
    path: '/v1/limits',
    summary: 'The settings that can change at run time, as this node has them.',
    answer: { status: 200, schema: listOf(limit) },
    handle: async ({ live, onChanged }) => {
      await onChanged();
      return { status: 200, json: { items: live.list() } };
    },
  },
  {
    method: 'PUT',
    path: '/v1/limits/{name}',
    summary:
      'Changes a setting of all nodes, from now on and over restarts: this is stronger than their own settings.',
    action: 'limits set',
    body: newLimit,
    answer: NO_CONTENT,
    problems: { 404: 'No setting that can change at run time has this name.' },
    handle: async ({ engine, live, onChanged }, { path: { name = '' }, body }) => {
      const value = `${newLimit.parse(body).value}`;
      if (!live.list().some((each) => each.name === name))
        throw new AdminProblem(404, live.wrong(name, value) ?? '');
      const wrong = live.wrong(name, value);
      if (wrong !== null) throw new AdminProblem(400, wrong);
      await engine.control.changeSetting(name, value);
      await onChanged();
      return NO_CONTENT;
    },
  },
  {
    method: 'DELETE',
    path: '/v1/limits/{name}',
    summary: "Takes such a change back: each node's own setting holds again.",
    action: 'limits unset',
    answer: NO_CONTENT,
    handle: async ({ engine, onChanged }, { path: { name = '' } }) => {
      await engine.control.changeSetting(name, null);
      await onChanged();
      return NO_CONTENT;
    },
  },
  {
    method: 'GET',
    path: '/v1/audit',
    summary: 'What operators have asked for, the newest first; the last 10,000 lines.',
    query: [AFTER],
    answer: { status: 200, schema: pageOf(auditLine) },
    handle: async ({ engine }, { query }) => ({
      status: 200,
      json: await engine.operators.audit.page(query.after ?? null),
    }),
  },
  {
    method: 'GET',
    path: '/v1/reports',
    summary: 'What users have reported of others, the newest first; the last 500, for 90 days.',
    query: [AFTER],
    answer: { status: 200, schema: pageOf(report) },
    handle: async ({ engine }, { query }) => ({
      status: 200,
      json: await engine.operators.reports.page(query.after ?? null),
    }),
  },
];
