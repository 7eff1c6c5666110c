/**
 * `npm start`: the server in development mode, with the chat app, which is built when its sources have changed. PORT and
 * TIDINGS_DATA are understood.
 */
import { buildChatExample } from './chat-example.mjs';
import { runTypeScript } from './run.mjs';
import { main, setup } from './setup.mjs';

await main(async () => {
  await buildChatExample({ node: await setup() });
  return runTypeScript('packages/cli/src/main.ts', ['dev', ...process.argv.slice(2)]);
});
