import { expect } from 'vitest';

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

/** Every error is problem+json (RFC 9457), says the same status twice, and is not to be stored. */
export async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const problem = (await response.json()) as Problem;
  expect(Object.keys(problem)).toEqual(['type', 'title', 'status', 'detail']);
  expect(problem.status).toBe(response.status);
  return problem;
}
