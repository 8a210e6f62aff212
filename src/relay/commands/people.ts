import type { PeopleResult } from '../../engine/verbs/people.ts';
import { BadCommand, type Command, type CommandAnswer, DONE } from './command.ts';
import { codeIn, codesIn, othersCodeIn, wordIn } from './payload.ts';

/** Codes that one `policy` may name: what fits into a frame. */
const KNOWN_MAX = 5_000;

/** `block {"code"}` */
export const block: Command = async ({ context, session }, payload) => {
  const code = othersCodeIn(payload, 'code', session);
  const result = await context.engine.people.block(session, code);
  if (result !== 'full') return answer(result);
  const detail = `${context.config.maxBlocks} codes are blocked already: unblock one first`;
  return { code: 'limit_reached', detail };
};

/** `unblock {"code"}` */
export const unblock: Command = async ({ context, session }, payload) =>
  answer(await context.engine.people.unblock(session, codeIn(payload, 'code')));

/** `blocks {"after"?}`, answered with a page of `codes`, and `next` if there is another. */
export const blocks: Command = async ({ context, session }, payload) => {
  const { after = null } = payload;
  if (after !== null && (typeof after !== 'string' || !/^\d{1,20}$/.test(after))) {
    throw new BadCommand('after must be next of the page before');
  }
  const page = await context.engine.people.blocks(session, after);
  if (page.state !== 'held') return { lost: page.state };
  const { codes, next } = page;
  return { done: true, result: next === null ? { codes } : { codes, next } };
};

/** `policy {"accept": "anyone" | "known", "known"?: [codes]}` */
export const policy: Command = async ({ context, session, contacts }, payload) => {
  const accept = wordIn(payload, 'accept', ['anyone', 'known']);
  const known = new Set([...codesIn(payload, 'known', KNOWN_MAX), ...contacts.people]);
  const result = await context.engine.people.setPolicy(session, accept, [...known]);
  if (result === 'full') return { code: 'limit_reached', detail: 'so many people cannot be known' };
  if (result === 'done') contacts.policy = accept;
  return answer(result);
};

function answer(result: PeopleResult): CommandAnswer {
  return result === 'done' || result === 'full' ? DONE : { lost: result };
}
