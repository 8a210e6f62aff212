/** A message counts as seen when this much of it is on the screen, or when it fills this much of the screen. */
const ENOUGH = 0.5;

/** Watches new messages until they have been on the screen, while the page is visible. */
export class SeenObserver {
  readonly #observer: IntersectionObserver;
  readonly #watched = new Set<Element>();

  /** `onSeen` gets the ids of messages that have come onto the screen, each once. */
  constructor(root: HTMLElement, onSeen: (ids: readonly string[]) => void) {
    const observed = (changes: readonly IntersectionObserverEntry[]) => {
      const seen = changes.filter(isSeen).map(({ target }) => target);
      for (const item of seen) this.forget(item);
      if (seen.length > 0) onSeen(seen.map((item) => (item as HTMLElement).dataset.id ?? ''));
    };
    this.#observer = new IntersectionObserver(observed, { root, threshold: [0, 0.25, ENOUGH, 0.75, 1] });
    // Nothing is seen in a hidden page: once it is visible, the observer has to report everything again.
    document.addEventListener('visibilitychange', () => {
      this.#observer.disconnect();
      for (const item of this.#watched) this.#observer.observe(item);
    });
  }

  watch(item: HTMLElement): void {
    this.#watched.add(item);
    this.#observer.observe(item);
  }

  forget(item: Element): void {
    this.#watched.delete(item);
    this.#observer.unobserve(item);
  }

  forgetAll(): void {
    this.#watched.clear();
    this.#observer.disconnect();
  }
}

function isSeen({
  isIntersecting,
  intersectionRatio,
  intersectionRect,
  rootBounds,
}: IntersectionObserverEntry) {
  const enough = intersectionRatio >= ENOUGH || intersectionRect.height >= (rootBounds?.height ?? 0) * ENOUGH;
  return document.visibilityState === 'visible' && isIntersecting && enough;
}
