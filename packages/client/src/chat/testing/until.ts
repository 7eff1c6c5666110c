/** Waiting in tests until a store says what is expected. */
import type { Store } from '../../store.ts';

/** @throws Error with what it was at the end. */
export async function until<T>(store: Store<T>, isSo: (value: T) => boolean, withinMs = 5_000): Promise<T> {
  if (isSo(store.get())) return store.get();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(
    () => reject(new Error(`not so within ${withinMs} ms: ${JSON.stringify(store.get())?.slice(0, 3000)}`)),
    withinMs,
  );
  const stop = store.subscribe(() => {
    if (isSo(store.get())) resolve(store.get());
  });
  try {
    return await promise;
  } finally {
    stop();
    clearTimeout(timer);
  }
}
