/** The seam between the stores of `@tidings/client` and Vue. Everything else here is this with a name. */
import type { Store } from '@tidings/client';
import { shallowRef, toValue, watch, type MaybeRefOrGetter, type ShallowRef } from 'vue';

/** The value of a store as a ref, until the component (or effect scope) goes. */
export function useStore<T>(store: Store<T>): Readonly<ShallowRef<T>>;
/**
 * The value of a store that may not be there yet, or become another one.
 * @param store a ref or getter: when it gives another store, that one is shown from then on.
 * @param fallback the value while there is no store.
 */
export function useStore<T, F>(store: MaybeRefOrGetter<Store<T> | undefined>, fallback: F): Readonly<ShallowRef<T | F>>;
export function useStore<T>(
  store: MaybeRefOrGetter<Store<T> | undefined>,
  fallback?: T,
): Readonly<ShallowRef<T | undefined>> {
  // Stores hold immutable values: a deep ref would wrap each of them.
  const value = shallowRef<T | undefined>(fallback);
  watch(
    () => toValue(store),
    (current, _before, onCleanup) => {
      if (current === undefined) {
        value.value = fallback;
        return;
      }
      const show = (): void => void (value.value = current.get());
      // Before it is read: some are filled when the first one watches.
      onCleanup(current.subscribe(show));
      show();
    },
    { immediate: true, flush: 'sync' },
  );
  return value;
}

/**
 * The values of several stores, in their order.
 * @param stores a getter that may give others later.
 */
export function useStores<T>(stores: MaybeRefOrGetter<readonly Store<T>[]>): Readonly<ShallowRef<readonly T[]>> {
  const values = shallowRef<readonly T[]>([]);
  watch(
    () => toValue(stores),
    (current, _before, onCleanup) => {
      const show = (): void => void (values.value = current.map((store) => store.get()));
      const stops = current.map((store) => store.subscribe(show));
      onCleanup(() => {
        for (const stop of stops) stop();
      });
      show();
    },
    { immediate: true, flush: 'sync' },
  );
  return values;
}
