/** The pages of development mode: the chat app at `/`, the engine's own demo at `/demo/`; each if it is at hand. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { staticRoutes, type HttpRoute } from '@tidings/server';

/** Where something is: inside the published package, and in a checkout of the sources. */
const places = {
  chat: ['../../chat', '../../../../.tidings/chat'],
  seed: ['../../chat-seed', '../../../../examples/chat/seed'],
  demo: ['../../demo', '../../../../examples/demo'],
} as const;

/**
 * Nothing but files of this server. Pictures that wait to be uploaded are shown from memory (`blob:`); `ws:` because
 * not every browser takes it for `'self'`.
 */
const chatPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self' ws: wss:",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface DemoPages {
  readonly routes: readonly HttpRoute[];
  readonly hasChat: boolean;
  readonly hasDemo: boolean;
}

/** @param withChat false: `/` leads to the demo of the engine. */
export function demoPages(withChat: boolean): DemoPages {
  const chat = withChat ? find(places.chat, 'index.html') : undefined;
  const demo = find(places.demo, 'index.html');
  const client = clientDirectory();
  return {
    hasChat: chat !== undefined,
    hasDemo: demo !== undefined,
    routes: [
      ...(chat === undefined ? [] : staticRoutes({ prefix: '', directory: chat, contentSecurityPolicy: chatPolicy })),
      ...(demo === undefined ? [] : staticRoutes({ prefix: '/demo', directory: demo })),
      ...(demo === undefined || client === undefined
        ? []
        : staticRoutes({ prefix: '/demo/vendor', directory: client })),
      ...(demo !== undefined && chat === undefined ? [leadToDemo] : []),
    ],
  };
}

/** The folder of what the chat app starts with; undefined if it is not installed. */
export function seedDirectory(): string | undefined {
  return find(places.seed, 'people.jsonl');
}

const leadToDemo: HttpRoute = {
  method: 'GET',
  path: '/',
  audience: 'server',
  handle: ({ response }) => void response.writeHead(302, { Location: '/demo/' }).end(),
};

function find(paths: readonly string[], file: string): string | undefined {
  return paths
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(join(path, file)));
}

/** Where the builds for browsers of npm's `centrifuge` are. */
function clientDirectory(): string | undefined {
  try {
    const main = createRequire(import.meta.url).resolve('centrifuge');
    const directory = join(dirname(main), '..', 'dist');
    return existsSync(join(directory, 'centrifuge.js')) ? directory : undefined;
  } catch {
    return undefined;
  }
}
