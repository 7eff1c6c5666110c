/** An import that dies at any step, on SQLite. */
import { createChat } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { testImport } from './import-suite.ts';

testImport(() => createChat());
