/** The page that the client runs in, if it runs in one: whether the person sees it, and when it may end without a word. */

/** Where there is no page, somebody sees it. */
export function isPageVisible(): boolean {
  return typeof document === 'undefined' || document.visibilityState === 'visible';
}

/**
 * Calls `listener` when the page is hidden or left: the last moment that a browser promises.
 * @returns a function that ends it.
 */
export function onPageHidden(listener: () => void): () => void {
  if (typeof document === 'undefined') return () => {};
  const listening = new AbortController();
  const { signal } = listening;
  const changed = (): void => {
    if (!isPageVisible()) listener();
  };
  document.addEventListener('visibilitychange', changed, { signal });
  globalThis.addEventListener('pagehide', listener, { signal });
  return () => listening.abort();
}
