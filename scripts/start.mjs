/** `npm start`: the server in development mode, with the demo page. PORT and TIDINGS_DATA are understood. */
import { runTypeScript } from './run.mjs';
import { main } from './setup.mjs';

await main(() => runTypeScript('packages/cli/src/main.ts', ['dev', ...process.argv.slice(2)]));
