import { createMemoryCache } from './memory.ts';
import { testChatCache } from './testing/cache-suite.ts';

testChatCache('memory', () => createMemoryCache(), false);
