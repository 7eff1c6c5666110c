/** A connected client as the use cases see it; `connection/connection.ts` is the one implementation. */
import type { CloseReason, Payload, Push } from '@tidings/protocol';
import type { Recipient, Subscription, SubscriptionOwner } from './hub/subscription.ts';
import type { Handshake } from './transports/transport.ts';

export interface Client extends SubscriptionOwner {
  /** Empty until connected. */
  readonly id: string;
  /** Empty for an anonymous client. */
  readonly user: string;
  readonly info: Payload | undefined;
  readonly meta: unknown;
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
  /** Replaces what a refresh may change. */
  renew(change: { info?: Payload | undefined; expireAtMs: number | undefined }): void;
  /** Something in its subscriptions expires or needs renewal: look at the next due time again. */
  reschedule(): void;
}
