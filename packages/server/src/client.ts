/** A connected client as the use cases see it; `connection/connection.ts` is the one implementation. */
import type { CloseReason, Payload, Push } from '@tidings/protocol';
import type { AuthRecord } from './auth/authorizer.ts';
import type { Recipient, Subscription, SubscriptionOwner } from './hub/subscription.ts';
import type { Handshake } from './transports/transport.ts';

/** What a refresh changes of an identity. */
export interface Renewal {
  readonly info?: Payload | undefined;
  readonly expireAtMs: number | undefined;
  /** `undefined` for a user without any. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  readonly meta?: unknown;
}

export interface Client extends SubscriptionOwner {
  /** Empty until connected. */
  readonly id: string;
  /** Empty for an anonymous client. */
  readonly user: string;
  readonly info: Payload | undefined;
  readonly meta: unknown;
  /** What rules see of the user. The same object until its claims change. */
  readonly auth: AuthRecord;
  readonly handshake: Handshake;
  readonly session: string | undefined;
  readonly isClosed: boolean;
  readonly recipient: Recipient;
  readonly subscriptions: Map<string, Subscription>;
  /** Subscribe commands under way, so that the limit holds for them too. */
  subscribing: number;
  push(push: Push): void;
  disconnect(reason: CloseReason, detail?: string): void;
  /** Runs `work` behind everything under way for this channel on this connection. */
  inLane<T>(lane: string, work: () => Promise<T>): Promise<T>;
  /** Replaces what a refresh may change; `claims` and `meta` stay if absent. */
  renew(change: Renewal): void;
  /** Something in its subscriptions expires or needs renewal: look at the next due time again. */
  reschedule(): void;
}
