/**
 * Serves the page, and hands on to the server what is the server's, as a proxy in production does: so that one address
 * does for both. The server is started by `npm start`, or wherever TIDINGS_URL says.
 */
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const target = process.env['TIDINGS_URL'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [vue()],
  resolve: { conditions: ['tidings-source', 'module', 'browser', 'production'] },
  server: {
    proxy: {
      '/connection': { target, ws: true },
      '/emulation': { target },
      '/chat/attachments': { target },
      // Signing in by a name is for pages of the server itself.
      '/dev': { target, changeOrigin: true, headers: { origin: target } },
    },
  },
  build: { target: 'es2022', reportCompressedSize: false },
  logLevel: 'warn',
});
