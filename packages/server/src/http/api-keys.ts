/** Who may call the server API: whoever holds one of its keys. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import { HttpError } from './http-error.ts';
import { LogGate } from '../lib/log-gate.ts';
import { isLocalRequest } from './local-request.ts';
import type { HttpExchange } from './route.ts';

export interface ApiKeysOptions {
  readonly keys: readonly string[];
  /** Without keys, callers on this machine need none. */
  readonly development: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class ApiKeys {
  readonly #development: boolean;
  readonly #logger: Logger;
  readonly #gate: LogGate;
  /** Digests have one length, which a comparison in constant time needs, and the keys themselves need not be kept. */
  #digests: readonly Buffer[];

  constructor(options: ApiKeysOptions) {
    this.#development = options.development;
    this.#logger = options.logger;
    this.#gate = new LogGate(options.clock);
    this.#digests = options.keys.map(digest);
  }

  /** Replaces the keys, at a reload of the configuration. */
  setKeys(keys: readonly string[]): void {
    this.#digests = keys.map(digest);
  }

  /**
   * Lets a request pass that holds a key.
   * @throws HttpError 401 saying how to send one.
   */
  check(exchange: HttpExchange): void {
    if (exchange.url.searchParams.has('api_key')) {
      throw this.#refusal(exchange, 'a key in the URL ends up in logs; send it in the header X-API-Key');
    }
    if (this.#digests.length === 0) {
      if (this.#development && isLocalRequest(exchange)) return;
      throw this.#refusal(
        exchange,
        this.#development
          ? 'without `api.keys` in the configuration only this machine may call, under localhost'
          : 'no key is configured; set `api.keys`',
      );
    }
    const key = sentKey(exchange.request.headers);
    if (key === undefined) throw this.#refusal(exchange, 'send a key in the header X-API-Key');
    const sent = digest(key);
    let known = false;
    // All are compared, so that the time tells nothing of which one is near.
    for (const one of this.#digests) known = timingSafeEqual(one, sent) || known;
    if (!known) throw this.#refusal(exchange, 'this key is not one of `api.keys`');
  }

  #refusal(exchange: HttpExchange, message: string): HttpError {
    const suppressed = this.#gate.pass();
    if (suppressed !== undefined) {
      const { address, requestId } = exchange;
      this.#logger.warn({ address, requestId, path: exchange.url.pathname, suppressed }, `request refused: ${message}`);
    }
    return new HttpError(401, `unauthorized: ${message}`, { headers: { 'WWW-Authenticate': 'Bearer' } });
  }
}

function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** `X-API-Key: k`, `Authorization: apikey k`, or `Authorization: Bearer k` as scrapers of metrics send it. */
function sentKey(headers: HttpExchange['request']['headers']): string | undefined {
  const header = headers['x-api-key'];
  if (typeof header === 'string' && header !== '') return header;
  return /^(?:apikey|bearer) +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}
