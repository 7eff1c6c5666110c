/** How the page is built: from the sources of this tree, into files that need nothing else. `scripts/chat-example.mjs` runs it. */
import { defineConfig } from 'vite';

export default defineConfig({
  // Served from wherever it lies.
  base: './',
  resolve: { conditions: ['tidings-source', 'module', 'browser', 'production'] },
  build: {
    target: 'es2022',
    // What the Content-Security-Policy takes: no address but this server's.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    reportCompressedSize: false,
    // One page needs all of it at once.
    chunkSizeWarningLimit: 2_000,
  },
  // One line says that it is built; what is wrong is an error.
  logLevel: 'error',
});
