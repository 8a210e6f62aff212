/** Browsers say when the network is back, or a page that slept is shown again. */
export function watchNetwork(onBack: () => void): () => void {
  const target = globalThis as Partial<EventTarget>;
  const names = ['online', 'pageshow'];
  for (const name of names) target.addEventListener?.(name, onBack);
  return () => {
    for (const name of names) target.removeEventListener?.(name, onBack);
  };
}
