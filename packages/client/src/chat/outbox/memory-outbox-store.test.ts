import { createMemoryOutboxStore } from './memory-outbox-store.ts';
import { testOutboxStore } from './testing/outbox-store-suite.ts';

testOutboxStore('memory', () => createMemoryOutboxStore(), false);
