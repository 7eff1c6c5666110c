/** The conformance suites of the cache and the outbox's store on the IndexedDB of a real browser. */
import { createIndexedDbCache } from '../../../packages/client/src/chat/cache/indexed-db.ts';
import { testChatCache } from '../../../packages/client/src/chat/cache/testing/cache-suite.ts';
import { createIndexedDbOutboxStore } from '../../../packages/client/src/chat/outbox/indexed-db-outbox-store.ts';
import { testOutboxStore } from '../../../packages/client/src/chat/outbox/testing/outbox-store-suite.ts';
import { onEachTest, runTests } from './vitest-in-page.ts';

let run = 0;
// Databases of its own for each test.
onEachTest(() => void (run += 1));
testChatCache('IndexedDB', (user) => createIndexedDbCache(`cache ${run} ${user}`), true);
testOutboxStore('IndexedDB', (user) => createIndexedDbOutboxStore(`outbox ${run} ${user}`), true);

Object.assign(globalThis, { runTests });
