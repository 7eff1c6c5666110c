/** The demo page of development mode, with the client library it loads, if both are at hand. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { staticRoutes, type HttpRoute } from '@tidings/server';

/** Inside the published package; in a checkout. */
const directories = ['../demo', '../../../examples/demo'];

/** Routes of the page under `/`; none if it is not installed. */
export function demoRoutes(): HttpRoute[] {
  const directory = directories
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(join(path, 'index.html')));
  const client = clientDirectory();
  if (directory === undefined) return [];
  return [
    ...(client === undefined ? [] : staticRoutes({ prefix: '/vendor', directory: client })),
    ...staticRoutes({ prefix: '', directory }),
  ];
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
