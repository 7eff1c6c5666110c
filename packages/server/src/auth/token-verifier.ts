/**
 * Checks the signature of a JSON Web Token (RFC 7519, JWS compact form of RFC 7515) and returns its claims, unjudged.
 *
 * HMAC goes over `node:crypto` at once, for it is what 10,000 clients that come back together cost: five times less
 * than over the asynchronous WebCrypto (5 µs against 30 µs a token, measured). Public keys go over `jose`.
 */
import { compactVerify } from 'jose';
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { JwtConfig } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { InvalidTokenError } from './authenticator.ts';
import { decodeUtf8, parseExactJson } from './exact-json.ts';
import { Jwks } from './jwks.ts';
import { algorithmsOf, hmacDigests, readPublicKey } from './jwt-keys.ts';

/** As large as the largest message of a client by default. */
const maxTokenLength = 65_536;
const compactForm = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

export interface TokenVerifierDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
}

export class TokenVerifier {
  readonly #secret: KeyObject | undefined;
  readonly #publicKey: KeyObject | undefined;
  readonly #publicKeyAlgorithms: readonly string[];
  readonly #jwks: Jwks | undefined;

  /** @throws Error if the configured public key cannot be used. */
  constructor(config: JwtConfig, deps: TokenVerifierDeps) {
    if (config.hmacSecret !== undefined) {
      this.#secret = createSecretKey(Buffer.from(config.hmacSecret, 'utf8'));
      // RFC 7518 §3.2 asks for 256 bits; a short one can be guessed from a single token.
      if (Buffer.byteLength(config.hmacSecret) < 32) {
        deps.logger.warn('jwt.hmacSecret is shorter than 32 bytes and may be guessed from a token');
      }
    }
    this.#publicKey = config.publicKey === undefined ? undefined : readPublicKey(config.publicKey);
    this.#publicKeyAlgorithms = this.#publicKey ? algorithmsOf(this.#publicKey) : [];
    if (config.jwksUrl !== undefined) {
      this.#jwks = new Jwks({ url: config.jwksUrl, cacheTtlMs: config.jwksCacheTtl, ...deps });
    }
  }

  /**
   * @returns the claims of a token whose signature is right.
   * @throws InvalidTokenError; ProtocolError (internal) if keys could not be fetched.
   */
  async verify(token: string): Promise<Record<string, unknown>> {
    const match = token.length > maxTokenLength ? null : compactForm.exec(token);
    if (!match) throw new InvalidTokenError('not a JSON Web Token in compact form');
    const [, headerPart = '', claimsPart = '', signature = ''] = match;
    const header = parseObject(headerPart, 'header');
    const { alg, kid } = header;
    if (typeof alg !== 'string') throw new InvalidTokenError('header alg is not a string');
    if (kid !== undefined && typeof kid !== 'string') throw new InvalidTokenError('header kid is not a string');
    // Extensions that must be understood (RFC 7515 §4.1.11); none is.
    if (header['crit'] !== undefined)
      throw new InvalidTokenError('header crit names an extension that is not supported');

    const digest = hmacDigests.get(alg);
    if (digest !== undefined && this.#secret) {
      this.#checkHmac(digest, this.#secret, `${headerPart}.${claimsPart}`, signature);
    } else {
      await this.#checkPublicKey(token, alg, kid);
    }
    return parseObject(claimsPart, 'claims');
  }

  stop(): void {
    this.#jwks?.stop();
  }

  #checkHmac(digest: string, secret: KeyObject, signed: string, signature: string): void {
    const expected = Buffer.from(createHmac(digest, secret).update(signed).digest('base64url'));
    const actual = Buffer.from(signature);
    if (actual.length !== expected.length || !timingSafeEqual(actual, expected)) throw wrongSignature();
  }

  async #checkPublicKey(token: string, alg: string, kid: string | undefined): Promise<void> {
    const configured = this.#publicKeyAlgorithms.includes(alg) ? this.#publicKey : undefined;
    if (configured && (await isSignedBy(configured, token, alg))) return;
    if (configured && !this.#jwks) throw wrongSignature();
    // A secret algorithm never reaches the published keys: they are asked for by their own algorithms only.
    if (!this.#jwks || hmacDigests.has(alg) || alg === 'none') {
      throw new InvalidTokenError('the algorithm of the token is not one of the configured keys');
    }
    if (!(await isSignedBy(await this.#jwks.find(alg, kid), token, alg))) throw wrongSignature();
  }
}

async function isSignedBy(key: KeyObject, token: string, alg: string): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return true;
  } catch {
    return false;
  }
}

function wrongSignature(): InvalidTokenError {
  return new InvalidTokenError('wrong signature');
}

function parseObject(part: string, name: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseExactJson(decodeUtf8(Buffer.from(part, 'base64url')));
  } catch (cause) {
    throw new InvalidTokenError(`the ${name} of the token are not JSON`, { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidTokenError(`the ${name} of the token are not a JSON object`);
  }
  return value as Record<string, unknown>;
}
