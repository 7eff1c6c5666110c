/** The seam between the stores of `@tidings/client` and React. */
import type { Store } from '@tidings/client';
import { useCallback, useRef, useSyncExternalStore } from 'react';

const nothing = (): (() => void) => () => {};

/** The value of a store; `fallback` while there is no store. */
export function useStore<T>(store: Store<T>): T;
export function useStore<T, F>(store: Store<T> | undefined, fallback: F): T | F;
export function useStore<T>(store: Store<T> | undefined, fallback?: T): T | undefined {
  const get = store === undefined ? () => fallback : store.get;
  return useSyncExternalStore(store?.subscribe ?? nothing, get, get);
}

/**
 * The values of several stores, in their order; the same array until one of them changes.
 * @param stores the same array as long as it holds the same stores.
 */
export function useStores<T>(stores: readonly Store<T>[]): readonly T[] {
  const last = useRef<readonly T[]>([]);
  const subscribe = useCallback(
    (listener: () => void) => {
      const stops = stores.map((store) => store.subscribe(listener));
      return () => {
        for (const stop of stops) stop();
      };
    },
    [stores],
  );
  const get = (): readonly T[] => {
    const values = stores.map((store) => store.get());
    const isSame =
      values.length === last.current.length && values.every((value, i) => Object.is(value, last.current[i]));
    if (!isSame) last.current = values;
    return last.current;
  };
  return useSyncExternalStore(subscribe, get, get);
}
