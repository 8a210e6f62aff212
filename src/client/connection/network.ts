/**
 * Browsers report when the network goes or comes back, and when a sleeping page is shown again. None of it is certain
 * (localhost works without a network): each report is a reason to probe, no more.
 */
export function watchNetwork(on: { readonly gone: () => void; readonly back: () => void }): () => void {
  const target = globalThis as Partial<EventTarget>;
  const listeners = Object.entries({ offline: on.gone, online: on.back, pageshow: on.back });
  for (const [name, listener] of listeners) target.addEventListener?.(name, listener);
  return () => {
    for (const [name, listener] of listeners) target.removeEventListener?.(name, listener);
  };
}
