/** No other tabs: in Node and React Native, and where what is stored is not shared. */
import { WritableStore } from '../store.ts';
import type { Tabs } from './tabs.ts';

export function createSingleTab(): Tabs {
  return {
    isAlone: true,
    send() {},
    onMessage: () => () => {},
    lead() {
      const isLeader = new WritableStore(true);
      return { isLeader, release: () => isLeader.set(false) };
    },
    claim: () => Promise.resolve(true),
    async [Symbol.asyncDispose]() {},
  };
}
