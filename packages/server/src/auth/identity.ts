/** Who a connection is, and what it was granted. The result of authentication, whatever its way. */
import type { Payload } from '@tidings/protocol';

/** A subscription the server makes for a client (claim `subs`, hook result, server API). */
export interface SubscriptionGrant {
  readonly info?: Payload;
  readonly data?: Payload;
  /** Unix seconds; 0 or absent: never. */
  readonly expireAt?: number;
  readonly override?: GrantOverride;
}

/** Channel options a token or hook may switch for one subscription. */
export interface GrantOverride {
  readonly presence?: boolean;
  readonly joinLeave?: boolean;
  readonly positioning?: boolean;
  readonly recovery?: boolean;
}

export interface Identity {
  /** Empty for an anonymous connection. */
  readonly user: string;
  /** Shown to others in presence, join, leave and publications. */
  readonly info?: Payload;
  /** Sent to the client in the connect result. */
  readonly data?: Payload;
  /** Given to hooks, never to clients. */
  readonly meta?: unknown;
  /** What rules may ask of the user, beside the fields of `meta`: the token's own claims. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Unix seconds; 0 or absent: never. */
  readonly expireAt?: number;
  /** Subscriptions to make from the server side, by channel. */
  readonly subs?: Readonly<Record<string, SubscriptionGrant>>;
}
