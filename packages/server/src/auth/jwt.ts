/**
 * Identity out of JSON Web Tokens. `token-verifier.ts` has checked the signature; here the claims are judged and
 * turned into what a connection or a subscription was granted.
 *
 * Claims are those of Centrifugo: tokens made by its server libraries and guides serve unchanged.
 */
import { errors, ProtocolError } from '@tidings/protocol';
import { z } from 'zod';
import type { JwtConfig } from '../config/schema.ts';
import { InvalidTokenError, type Authenticator, type SubscriptionClaims } from './authenticator.ts';
import { firstIssue, grantShape, overrideShape, toExpireAt, toGrant, toPayload, toSubs, unixSeconds } from './grant.ts';
import type { Identity } from './identity.ts';
import { TokenVerifier, type TokenVerifierDeps } from './token-verifier.ts';

/** How far the clock of whoever made the token may be ahead (RFC 7519 §4.1.5). Expiry gets no such grace. */
const clockSkewSeconds = 5;

// Unknown claims are ignored (RFC 7519 §4), and so are unknown names within ours.
const grantSchema = z.object({ ...grantShape, override: z.object(overrideShape).nullish() });

const registeredShape = {
  sub: z.string().optional(),
  exp: z.number().optional(),
  nbf: z.number().optional(),
  iat: z.number().optional(),
  jti: z.string().optional(),
  iss: z.string().optional(),
  aud: z.union([z.string(), z.array(z.string())]).optional(),
  expire_at: unixSeconds.nullish(),
};

const registeredSchema = z.object(registeredShape);

const connectionSchema = z.object({
  ...registeredShape,
  info: grantShape.info,
  b64info: grantShape.b64info,
  channels: z.array(z.string().min(1)).nullish(),
  subs: z.record(z.string().min(1), grantSchema).nullish(),
  meta: z.unknown().optional(),
  // A subscription token is no connection token: whoever got the one must not log in with it.
  channel: z.literal('', { error: 'belongs to subscription tokens' }).optional(),
});

const subscriptionSchema = z.object({
  ...registeredShape,
  ...grantShape,
  override: z.object(overrideShape).nullish(),
  channel: z.string().min(1),
  client: z.string().optional(),
});

export interface JwtAuthenticatorOptions extends TokenVerifierDeps {
  /** Verifies connection tokens; without it every one is invalid. */
  readonly connection?: JwtConfig | undefined;
  /** Verifies subscription tokens; default: as connection tokens. */
  readonly subscription?: JwtConfig | undefined;
}

interface Source {
  readonly config: JwtConfig;
  readonly verifier: TokenVerifier;
}

export class JwtAuthenticator implements Authenticator {
  readonly #options: JwtAuthenticatorOptions;
  readonly #connection: Source | undefined;
  readonly #subscription: Source | undefined;

  /** @throws Error if a configured key cannot be used. */
  constructor(options: JwtAuthenticatorOptions) {
    this.#options = options;
    const { connection, subscription } = options;
    this.#connection = connection && { config: connection, verifier: new TokenVerifier(connection, options) };
    this.#subscription = subscription
      ? { config: subscription, verifier: new TokenVerifier(subscription, options) }
      : this.#connection;
  }

  async authenticate(token: string): Promise<Identity> {
    const raw = await this.#read(this.#connection, token);
    const claims = parseClaims(connectionSchema, raw);
    const own = ownClaims(raw);
    const info = granted(() => toPayload(claims.info, claims.b64info));
    const expireAt = expiry(claims);
    const subs = granted(() => toSubs(claims.channels, claims.subs));
    return {
      user: claims.sub ?? '',
      ...(info && { info }),
      ...(claims.meta !== undefined && claims.meta !== null && { meta: claims.meta }),
      ...(own && { claims: own }),
      ...(expireAt !== undefined && { expireAt }),
      ...(subs && { subs }),
    };
  }

  async authorizeSubscription(token: string): Promise<SubscriptionClaims> {
    const claims = parseClaims(subscriptionSchema, await this.#read(this.#subscription, token));
    const expireAt = expiry(claims);
    return {
      ...granted(() => toGrant({ ...claims, expire_at: undefined })),
      ...(expireAt !== undefined && { expireAt }),
      ...(claims.sub !== undefined && { user: claims.sub }),
      ...(claims.client !== undefined && { client: claims.client }),
      channel: claims.channel,
    };
  }

  /** Ends a request for keys under way. */
  stop(): void {
    this.#connection?.verifier.stop();
    this.#subscription?.verifier.stop();
  }

  /** The claims of a token that was made for us and is valid now. */
  async #read(source: Source | undefined, token: string): Promise<Record<string, unknown>> {
    if (!source) throw new InvalidTokenError('no keys are configured for tokens of this kind');
    const raw = await source.verifier.verify(token);
    this.#checkRegistered(parseClaims(registeredSchema, raw), source.config);
    return raw;
  }

  /** Issuer and audience come first: a token that was never for us did not expire. */
  #checkRegistered(claims: z.output<typeof registeredSchema>, { issuer, audience }: JwtConfig): void {
    if (issuer !== undefined && claims.iss !== issuer) throw new InvalidTokenError('claim iss is not the required one');
    const audiences = typeof claims.aud === 'string' ? [claims.aud] : (claims.aud ?? []);
    if (audience !== undefined && !audiences.includes(audience)) {
      throw new InvalidTokenError('claim aud does not name the required one');
    }
    const nowSeconds = this.#options.clock.now() / 1000;
    if (claims.nbf !== undefined && claims.nbf > nowSeconds + clockSkewSeconds) {
      throw new InvalidTokenError('claim nbf: the token is not valid yet');
    }
    if (claims.exp !== undefined && claims.exp <= nowSeconds) {
      throw new ProtocolError(errors.tokenExpired, { detail: 'claim exp is in the past' });
    }
  }
}

/** Claims with a meaning of their own here, which are not kept for rules. */
export const usedClaims: ReadonlySet<string> = new Set(Object.keys(connectionSchema.shape));

/** The application's own claims, for rules; undefined if there are none. */
function ownClaims(raw: Record<string, unknown>): Record<string, unknown> | undefined {
  const own = Object.entries(raw).filter(([name]) => !usedClaims.has(name));
  return own.length > 0 ? Object.fromEntries(own) : undefined;
}

/** `expire_at` is when the connection or subscription ends, 0 for never; without it that is when the token does. */
function expiry(claims: { expire_at?: number | null | undefined; exp?: number | undefined }): number | undefined {
  return toExpireAt(claims.expire_at ?? claims.exp);
}

/** JSON nested so deep that it can be parsed but not written again. */
function granted<T>(convert: () => T): T {
  try {
    return convert();
  } catch (cause) {
    throw new InvalidTokenError('a claim is nested too deep', { cause });
  }
}

function parseClaims<T extends z.ZodType>(schema: T, raw: unknown): z.output<T> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const { path, message } = firstIssue(parsed.error);
  throw new InvalidTokenError(`claim ${path}: ${message}`);
}
