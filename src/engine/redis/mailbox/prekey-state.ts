import type { PrekeyState } from '../../verbs/prekeys.ts';

/** What a login finds: the field `prekeys` of the user (lua/prekeys/state.lua), and the history of the server. */
export function prekeyState(field: string | null, history: string): PrekeyState {
  const [generation = '0', count = '0', given = '0', made = ''] = (field ?? '').split(':');
  const left = made === history ? Number(count) - Number(given) : 0;
  return { generation: Number(generation), left, store: history };
}
