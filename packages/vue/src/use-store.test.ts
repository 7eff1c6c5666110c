import { WritableStore } from '@tidings/client';
import { describe, expect, test } from 'vitest';
import { effectScope, nextTick, ref, shallowRef, watch } from 'vue';
import { useStore, useStores } from './use-store.ts';

describe('useStore', () => {
  test('shows the value, and each change of it, until the scope ends', () => {
    const store = new WritableStore(1);
    const scope = effectScope();
    const value = scope.run(() => useStore(store))!;
    expect(value.value).toBe(1);
    store.set(2);
    expect(value.value).toBe(2);
    scope.stop();
    expect(store.isWatched).toBe(false);
    store.set(3);
    expect(value.value).toBe(2);
  });

  test('objects are given as they are, not wrapped', () => {
    const message = { text: 'hello' };
    const scope = effectScope();
    expect(scope.run(() => useStore(new WritableStore(message)))!.value).toBe(message);
    scope.stop();
  });

  test('another store takes the place of the first, or none does', () => {
    const first = new WritableStore('first');
    const second = new WritableStore('second');
    const current = shallowRef<WritableStore<string> | undefined>();
    const scope = effectScope();
    const value = scope.run(() => useStore(current, 'nothing'))!;
    expect(value.value).toBe('nothing');
    current.value = first;
    expect([value.value, first.isWatched]).toEqual(['first', true]);
    current.value = second;
    expect([value.value, first.isWatched, second.isWatched]).toEqual(['second', false, true]);
    first.set('late');
    expect(value.value).toBe('second');
    current.value = undefined;
    expect([value.value, second.isWatched]).toEqual(['nothing', false]);
    scope.stop();
  });

  test('a value that comes with the first watcher is shown at once', () => {
    const inner = new WritableStore(0);
    const filledWhenWatched = {
      get: inner.get,
      subscribe: (listener: () => void) => {
        inner.set(1);
        return inner.subscribe(listener);
      },
    };
    const scope = effectScope();
    expect(scope.run(() => useStore(filledWhenWatched))!.value).toBe(1);
    scope.stop();
  });

  test('what depends on it is told once for each change', async () => {
    const store = new WritableStore({ count: 0 });
    const scope = effectScope();
    const seen: number[] = [];
    scope.run(() => {
      const value = useStore(store);
      watch(value, ({ count }) => seen.push(count), { flush: 'sync' });
    });
    store.set({ count: 1 });
    store.set({ count: 2 });
    await nextTick();
    expect(seen).toEqual([1, 2]);
    scope.stop();
  });
});

describe('useStores', () => {
  test('shows all, and follows the list', () => {
    const stores = { ann: new WritableStore(1), ben: new WritableStore(2), cem: new WritableStore(3) };
    const names = ref<(keyof typeof stores)[]>(['ann', 'ben']);
    const scope = effectScope();
    const values = scope.run(() => useStores(() => names.value.map((name) => stores[name])))!;
    expect(values.value).toEqual([1, 2]);
    stores.ben.set(20);
    expect(values.value).toEqual([1, 20]);
    names.value = ['cem', 'ben'];
    expect([values.value, stores.ann.isWatched]).toEqual([[3, 20], false]);
    scope.stop();
    expect(Object.values(stores).some(({ isWatched }) => isWatched)).toBe(false);
  });
});
