/**
 * Fetches the beginning of a web page that a stranger chose. Names are resolved here, every address is looked at, and the
 * connection goes to an address that was looked at, so that no name can turn to another one in between. All of that
 * again for every redirect.
 */
import { Resolver } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Clock } from '../../../lib/clock.ts';
import { isPublicAddress } from './public-address.ts';

export interface GuardedFetchOptions {
  /** For everything together: names, redirects, and the page. */
  readonly timeoutMs: number;
  /** Read at most, before and after decompression; of a longer page the beginning counts. */
  readonly maxBytes: number;
  /** What may be connected to. */
  readonly targets: Targets;
  readonly clock: Clock;
  /** All addresses of a name; rejects or resolves empty if there are none. */
  readonly resolve?: ResolveName;
  /** Certificates of authorities that are trusted instead of those that Node brings along, in PEM. */
  readonly ca?: string;
  readonly signal?: AbortSignal;
}

export interface Targets {
  isPort(port: number): boolean;
  isAddress(address: string): boolean;
}

/** The web as anybody sees it. */
export const publicTargets: Targets = {
  isPort: (port) => port === 80 || port === 443,
  isAddress: isPublicAddress,
};
/** For tests and closed networks. */
export const allTargets: Targets = { isPort: () => true, isAddress: () => true };

export type ResolveName = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

export interface Page {
  readonly html: string;
  /** Where it was found in the end. */
  readonly url: URL;
}

/** Why there is no page; told in debug logs only. */
export class FetchRefusedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FetchRefusedError';
  }
}

const maxRedirects = 3;
const maxAddresses = 16;
const userAgent = 'Tidings link preview';

/** @throws FetchRefusedError for what must not be fetched or is no page; Error for what the network and the time limit throw. */
export async function guardedFetch(address: string, options: GuardedFetchOptions): Promise<Page> {
  const ended = new AbortController();
  const end = () => ended.abort(new FetchRefusedError('stopped'));
  const timer = options.clock.setTimeout(
    () => ended.abort(new FetchRefusedError(`no page within ${options.timeoutMs} ms`)),
    options.timeoutMs,
  );
  options.signal?.addEventListener('abort', end, { once: true });
  if (options.signal?.aborted) end();
  try {
    let url = URL.parse(address);
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      if (!url) throw new FetchRefusedError('not a URL');
      const addresses = await checkTarget(url, options, ended.signal);
      const response = await open(url, addresses, options, ended.signal);
      const location = redirectOf(response);
      if (location === undefined) return { html: await readHtml(response, options.maxBytes, ended.signal), url };
      response.destroy();
      const next = URL.parse(location, url);
      if (url.protocol === 'https:' && next?.protocol === 'http:') {
        throw new FetchRefusedError('a redirect from HTTPS to HTTP');
      }
      url = next;
    }
    throw new FetchRefusedError(`more than ${maxRedirects} redirects`);
  } finally {
    options.clock.clearTimeout(timer);
    options.signal?.removeEventListener('abort', end);
    // Nothing of it stays open, however it ended.
    ended.abort();
  }
}

/** @returns the addresses to connect to. */
async function checkTarget(url: URL, options: GuardedFetchOptions, signal: AbortSignal): Promise<readonly string[]> {
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new FetchRefusedError(`a link with ${url.protocol}`);
  if (url.username !== '' || url.password !== '') throw new FetchRefusedError('a link with credentials');
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  if (!options.targets.isPort(port)) throw new FetchRefusedError(`a link to port ${port}`);
  // The parser of URLs has made four numbers of any way to write an IPv4 address.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(host) ? [host] : await (options.resolve ?? nameResolver())(host, signal);
  signal.throwIfAborted();
  if (addresses.length === 0) throw new FetchRefusedError('the name has no address');
  if (!addresses.every((one) => options.targets.isAddress(one))) {
    throw new FetchRefusedError('an address that is not public');
  }
  return addresses.slice(0, maxAddresses);
}

/**
 * Resolves names by queries of its own: the system's resolver would take the threads that files and hashes need.
 * @param servers to ask, `127.0.0.1:53`; else those of the system.
 */
export function nameResolver(servers?: readonly string[]): ResolveName {
  return async (host, signal) => {
    const resolver = new Resolver({ timeout: 2_000, tries: 2 });
    if (servers) resolver.setServers(servers);
    const cancel = () => resolver.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
      return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  };
}

function open(
  url: URL,
  addresses: readonly string[],
  { ca }: Pick<GuardedFetchOptions, 'ca'>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const pinned = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookup: LookupFunction = (_host, options, callback) => {
    const [first] = pinned;
    if (options.all === true) callback(null, pinned);
    else callback(null, first?.address ?? '', first?.family);
  };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: 'GET',
      agent: false,
      lookup,
      signal,
      ...(ca !== undefined && { ca }),
      headers: {
        accept: 'text/html',
        'accept-encoding': 'gzip, deflate, br',
        'accept-language': 'en;q=0.5, *;q=0.1',
        'user-agent': userAgent,
      },
    });
    request.on('error', (error) => reject(signal.aborted ? (signal.reason as Error) : error));
    request.on('response', resolve);
    request.end();
  });
}

function redirectOf(response: IncomingMessage): string | undefined {
  const { statusCode = 0, headers } = response;
  if ([301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined) return headers.location;
  if (statusCode === 200) return undefined;
  throw new FetchRefusedError(`status ${statusCode}`);
}

async function readHtml(response: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<string> {
  const contentType = response.headers['content-type'] ?? '';
  if (!/^\s*text\/html\s*(?:;|$)/i.test(contentType)) throw new FetchRefusedError('not an HTML page');
  const bytes = await readStart(decoded(response, maxBytes), maxBytes, signal);
  const declared =
    /charset\s*=\s*["']?([\w:.-]{1,40})/i.exec(contentType)?.[1] ??
    /<meta\s[^>]{0,200}charset\s*=\s*["']?([\w:.-]{1,40})/i.exec(bytes.subarray(0, 2_048).toString('latin1'))?.[1];
  return decoderOf(declared).decode(bytes);
}

/** Whatever it unpacks to, no more than `maxBytes` go in, and no more are read. */
function decoded(response: IncomingMessage, maxBytes: number): Readable {
  const limited = Readable.from(firstBytes(response, maxBytes), { objectMode: false });
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const settings = { chunkSize: 16_384 };
  switch (encoding) {
    case 'identity':
    case '':
      return limited;
    case 'gzip':
    case 'x-gzip':
      return through(limited, createGunzip(settings));
    case 'deflate':
      return through(limited, createInflate(settings));
    case 'br':
      return through(limited, createBrotliDecompress(settings));
    default:
      throw new FetchRefusedError('an unknown content encoding');
  }
}

function through(source: Readable, decoder: NodeJS.ReadWriteStream & Readable): Readable {
  source.on('error', (error) => decoder.destroy(error));
  decoder.on('close', () => source.destroy());
  source.pipe(decoder);
  return decoder;
}

async function* firstBytes(source: Readable, maxBytes: number): AsyncGenerator<Buffer> {
  let left = maxBytes;
  for await (const chunk of source) {
    const part = (chunk as Buffer).subarray(0, left);
    left -= part.length;
    yield part;
    if (left === 0) return;
  }
}

/** The first bytes of what can be read; what is cut off or broken behind them does not matter. */
async function readStart(source: Readable, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const stop = () => source.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source) {
      const part = (chunk as Buffer).subarray(0, maxBytes - length);
      chunks.push(part);
      length += part.length;
      if (length === maxBytes) break;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (length === 0) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    source.destroy();
  }
  return Buffer.concat(chunks);
}

function decoderOf(label: string | undefined): TextDecoder {
  try {
    return new TextDecoder(label ?? 'utf-8');
  } catch {
    return new TextDecoder();
  }
}
