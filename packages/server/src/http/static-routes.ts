/** Serves the files of one directory, such as the demo page: only what lies in it, nothing hidden, no listings. */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { HttpError } from './http-error.ts';
import { setPageHeaders } from './respond.ts';
import type { HttpExchange, HttpRoute } from './route.ts';

export interface StaticRoutesOptions {
  /** Path under which the files appear, without a slash at the end: `/demo`; empty for the root. */
  readonly prefix: string;
  readonly directory: string;
  /** Content-Security-Policy of every file. */
  readonly contentSecurityPolicy?: string;
}

/** Scripts and styles from here only; connections to this server, WebSocket included. */
const defaultPolicy =
  "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
};

/** `GET <prefix>/…`; a directory answers with its `index.html`. */
export function staticRoutes(options: StaticRoutesOptions): HttpRoute[] {
  const { prefix, directory, contentSecurityPolicy = defaultPolicy } = options;
  const routes: HttpRoute[] = [
    {
      method: 'GET',
      path: `${prefix}/*`,
      audience: 'server',
      handle: (exchange) =>
        serve(exchange, directory, exchange.url.pathname.slice(prefix.length), contentSecurityPolicy),
    },
  ];
  if (prefix === '') return routes;
  // Relative links on the page need the slash.
  routes.push({
    method: 'GET',
    path: prefix,
    audience: 'server',
    handle: ({ response, url }) => void response.writeHead(308, { Location: `${prefix}/${url.search}` }).end(),
  });
  return routes;
}

async function serve(
  { request, response }: HttpExchange,
  directory: string,
  path: string,
  policy: string,
): Promise<void> {
  const file = await findFile(directory, path);
  if (!file) throw new HttpError(404, 'there is no such file');
  const etag = `"${file.bytes.toString(36)}-${Math.floor(file.modifiedMs).toString(36)}"`;
  setPageHeaders(response, policy);
  response.setHeader('ETag', etag);
  response.setHeader('Cache-Control', 'no-cache');
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, {
    'Content-Type': contentTypes[extname(file.path).toLowerCase()] ?? 'application/octet-stream',
    'Content-Length': file.bytes,
  });
  if (request.method === 'HEAD' || file.bytes === 0) {
    response.end();
    return;
  }
  // A file that grows meanwhile must not exceed its declared length.
  await pipeline(createReadStream(file.path, { end: file.bytes - 1 }), response).catch(() => response.destroy());
}

/**
 * @param path of the URL, percent-encoded, with a slash in front.
 * @returns undefined for everything that is not a plain file inside the directory, by whatever way.
 */
async function findFile(
  directory: string,
  path: string,
): Promise<{ path: string; bytes: number; modifiedMs: number } | undefined> {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  if (/[\0\\]/.test(decoded)) return undefined;
  const names = decoded.split('/').filter((name) => name !== '');
  if (names.some((name) => name.startsWith('.') || name.includes(':'))) return undefined;
  try {
    const root = await realpath(directory);
    let file = join(root, ...names);
    let info = await stat(file);
    if (decoded.endsWith('/')) {
      if (!info.isDirectory()) return undefined;
      file = join(file, 'index.html');
      info = await stat(file);
    }
    // Links may lead out.
    file = await realpath(file);
    if (!info.isFile() || !file.startsWith(root + sep)) return undefined;
    return { path: file, bytes: info.size, modifiedMs: info.mtimeMs };
  } catch {
    return undefined;
  }
}
