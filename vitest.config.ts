import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Workspaces run from source in tests too: the `tidings-source` condition of every package's exports.
const react18 = fileURLToPath(new URL('tests/react/react-18/node_modules', import.meta.url));

export default defineConfig({
  resolve: { conditions: ['tidings-source'] },
  ssr: { resolve: { conditions: ['tidings-source'] } },
  test: {
    setupFiles: ['tests/support/property-seed.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{packages,examples}/*/src/**/*.test.{ts,tsx}'],
          testTimeout: 20_000,
          // No module here keeps state, so files may share them: that halves the time.
          isolate: false,
        },
      },
      {
        extends: true,
        // The oldest React that @tidings/react promises to work with.
        resolve: {
          alias: [{ find: /^(react|react-dom)(?=$|\/)/, replacement: `${react18}/$1` }],
        },
        test: {
          name: 'react-18',
          include: ['packages/react/src/**/*.test.tsx'],
          testTimeout: 20_000,
          server: { deps: { inline: [/tanstack/] } },
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: ['tests/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Real servers, browsers and processes: one file at a time on a small machine.
          fileParallelism: false,
        },
      },
    ],
  },
});
