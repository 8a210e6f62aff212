/**
 * The result of `work`, unless the signal fires first: then rejects with the signal's reason, and the work goes on by
 * itself. With `AbortSignal.timeout`, whose timer keeps no process running, this is a time limit.
 */
export async function unlessFired<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let onFired = () => {};
  const fired = new Promise<never>((_, reject) => {
    onFired = () => reject(signal.reason);
    if (signal.aborted) onFired();
    else signal.addEventListener('abort', onFired);
  });
  try {
    return await Promise.race([work, fired]);
  } finally {
    signal.removeEventListener('abort', onFired);
  }
}
