/**
 * Browsers say when the network is gone or back, and when a page that slept is shown again. None of it is certain (one's
 * own machine is reached without a network): it is a reason to look.
 */
export function watchNetwork(on: { readonly gone: () => void; readonly back: () => void }): () => void {
  const target = globalThis as Partial<EventTarget>;
  const listeners = Object.entries({ offline: on.gone, online: on.back, pageshow: on.back });
  for (const [name, listener] of listeners) target.addEventListener?.(name, listener);
  return () => {
    for (const [name, listener] of listeners) target.removeEventListener?.(name, listener);
  };
}
