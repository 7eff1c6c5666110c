/**
 * Public keys that an identity provider publishes as a JWK set (RFC 7517): fetched when needed, kept for a while, and
 * fetched anew when a token names a key that is not there (rotation).
 *
 * However many tokens arrive and whatever keys they name, at most one request is under way, and at most one every few
 * seconds. A provider that rotates keys must give them ids (`kid`). While the endpoint is down the keys already known stay in use, and the log says so.
 */
import { errors, ProtocolError } from '@tidings/protocol';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { InvalidTokenError } from './authenticator.ts';
import { decodeUtf8 } from './exact-json.ts';
import { HttpClient } from '../lib/http-client.ts';
import { algorithmsOf } from './jwt-keys.ts';

const timeoutMs = 5_000;
const maxResponseBytes = 1_048_576;
/** Between two requests, unless the keys simply got old. */
const minIntervalMs = 5_000;

interface PublishedKey {
  readonly id: string | undefined;
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
}

const jwkSetSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())) });

export interface JwksOptions {
  readonly url: string;
  /** How long a set is used before it is fetched anew. */
  readonly cacheTtlMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
}

export class Jwks {
  readonly #options: JwksOptions;
  readonly #url: URL;
  readonly #http: HttpClient;
  #keys: readonly PublishedKey[] | undefined;
  #fetchedAt = 0;
  #attemptedAt = Number.NEGATIVE_INFINITY;
  #underWay: Promise<boolean> | undefined;

  constructor(options: JwksOptions) {
    this.#options = options;
    this.#url = new URL(options.url);
    this.#http = new HttpClient(options.clock);
  }

  /**
   * Finds the key of a token.
   * @param algorithm the token's `alg`.
   * @param id the token's `kid`; without one the set must hold a single key that fits.
   * @throws InvalidTokenError if the set has no such key; ProtocolError (internal) if there are no keys, or an unknown
   *   `kid` came so soon after a request that the set was not asked for again: the client may then try again later.
   */
  async find(algorithm: string, id: string | undefined): Promise<KeyObject> {
    const old = !this.#keys || this.#options.clock.now() - this.#fetchedAt >= this.#options.cacheTtlMs;
    const fresh = old && (await this.#refresh());
    const found = this.#lookUp(algorithm, id);
    if (found) return found;
    const rotated = !fresh && id !== undefined && !this.#keys?.some((key) => key.id === id);
    if (!rotated) throw unfit();
    // Not "invalid" while we may not ask: a key may have been published since, and invalid is for good.
    if (!(await this.#refresh()))
      throw unavailable('a token names an unknown key and the JWK set cannot be fetched yet');
    const published = this.#lookUp(algorithm, id);
    if (!published) throw unfit();
    return published;
  }

  /** Ends a request under way. */
  stop(): void {
    this.#http.stop();
  }

  #lookUp(algorithm: string, id: string | undefined): KeyObject | undefined {
    if (!this.#keys) throw unavailable('no keys: the JWK set could not be fetched');
    const fitting = this.#keys.filter(
      (key) => key.algorithms.includes(algorithm) && (id === undefined || key.id === id),
    );
    return fitting.length === 1 || id !== undefined ? fitting[0]?.key : undefined;
  }

  /** @returns whether the keys are fresh now; false also if the last request was moments ago. */
  #refresh(): Promise<boolean> {
    if (this.#underWay) return this.#underWay;
    const now = this.#options.clock.now();
    if (now - this.#attemptedAt < minIntervalMs) return Promise.resolve(false);
    this.#attemptedAt = now;
    this.#underWay = this.#fetch().finally(() => (this.#underWay = undefined));
    return this.#underWay;
  }

  async #fetch(): Promise<boolean> {
    const { clock, logger, metrics } = this.#options;
    const started = performance.now();
    try {
      const answer = await this.#http.call({
        method: 'GET',
        url: this.#url,
        headers: { accept: 'application/jwk-set+json, application/json' },
        timeoutMs,
        maxResponseBytes,
      });
      if (answer.status !== 200) throw new Error(`status ${answer.status}; redirects are not followed`);
      const set = jwkSetSchema.parse(JSON.parse(decodeUtf8(answer.body)));
      this.#keys = set.keys.flatMap(readKey);
      this.#fetchedAt = clock.now();
      if (this.#keys.length === 0)
        logger.error({ jwks: this.#url.host }, 'the JWK set holds no usable key: all tokens are refused');
      return true;
    } catch (error) {
      metrics?.hookFailures.add('jwks');
      const consequence = this.#keys ? 'the keys known so far stay in use' : 'no token can be verified';
      logger.error({ jwks: this.#url.host, err: error }, `the JWK set could not be fetched: ${consequence}`);
      return false;
    } finally {
      metrics?.hookSeconds.observe('jwks', (performance.now() - started) / 1000);
    }
  }
}

function unfit(): InvalidTokenError {
  return new InvalidTokenError('no published key fits the kid and alg of the token');
}

function unavailable(detail: string): ProtocolError {
  return new ProtocolError(errors.internal, { detail });
}

/** One key of a set; a key that is not for verifying, or of an unknown kind, is passed over (RFC 7517 §5). */
function readKey(jwk: Record<string, unknown>): PublishedKey[] {
  const { kty, use, key_ops: operations, alg, kid } = jwk;
  if (use !== undefined && use !== 'sig') return [];
  if (Array.isArray(operations) && !operations.includes('verify')) return [];
  try {
    // Only the public members: a private key published by mistake serves as a public one. `oct` (a secret) fails.
    const { n, e, crv, x, y } = jwk;
    const key = createPublicKey({ key: { kty, n, e, crv, x, y } as JsonWebKey, format: 'jwk' });
    const algorithms = algorithmsOf(key).filter((name) => alg === undefined || alg === name);
    return algorithms.length === 0 ? [] : [{ id: typeof kid === 'string' ? kid : undefined, key, algorithms }];
  } catch {
    return [];
  }
}
