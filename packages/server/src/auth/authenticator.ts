/** Turns credentials into an identity. Implementations: `jwt.ts`; tests use functions. */
import type { Identity, SubscriptionGrant } from './identity.ts';

/**
 * Law: every method resolves to what the token says, or throws `ProtocolError(tokenExpired)` (109) for a token that was
 * valid once, or `InvalidTokenError` for everything else: a wrong signature, algorithm, issuer or audience, `alg: none`,
 * garbage. Never another error for what a client sent; `ProtocolError(internal)` when keys could not be fetched.
 */
export interface Authenticator {
  /** Verifies a connection token. */
  authenticate(token: string): Promise<Identity>;
  /** Verifies a subscription token. The caller compares channel, user and client. */
  authorizeSubscription(token: string): Promise<SubscriptionClaims>;
}

export interface SubscriptionClaims extends SubscriptionGrant {
  /** Absent: the token says nothing of it. */
  readonly user?: string;
  readonly client?: string;
  readonly channel: string;
}

export class InvalidTokenError extends Error {
  constructor(detail: string, options?: { cause?: unknown }) {
    super(detail, options);
    this.name = 'InvalidTokenError';
  }
}
