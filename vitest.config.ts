import { defineConfig } from 'vitest/config';

// Workspaces run from source in tests too: the `tidings-source` condition of every package's exports.
export default defineConfig({
  resolve: { conditions: ['tidings-source'] },
  ssr: { resolve: { conditions: ['tidings-source'] } },
  test: {
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
