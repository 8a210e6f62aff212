import { duration, TIME } from './env.ts';

export interface NamedStage {
  readonly name: string;
  /** Before `TIME` is applied. */
  readonly seconds: number;
  readonly target: number;
}

/** Stages as k6 takes them, and a tag for each, so that each can have thresholds of its own. */
export function stagesOf(named: readonly NamedStage[]) {
  return {
    stages: named.map(({ seconds, target }) => ({ duration: duration(seconds), target })),
    seconds: named.reduce((sum, { seconds }) => sum + seconds, 0),
    tagsAt: (sinceStartMs: number) => {
      let endMs = 0;
      for (const { name, seconds } of named) {
        endMs += seconds * TIME * 1_000;
        if (sinceStartMs < endMs) return { stage: name };
      }
      return { stage: 'end' };
    },
  };
}
