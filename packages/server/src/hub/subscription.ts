/** One connection's subscription to one channel, as the hub sees it. There may be millions: fields are few. */
import type { Format, Payload, Publication, TagsFilter } from '@tidings/protocol';
import type { HubChannel } from './hub.ts';

/** Where encoded messages for one connection go; the outbox of the connection. */
export interface Recipient {
  readonly format: Format;
  push(message: Uint8Array): void;
}

/** Bits of `Subscription.flags`. */
export const subscriptionFlags = {
  serverSide: 1,
  positioned: 2,
  recoverable: 4,
  joinLeave: 8,
  presence: 16,
  delta: 32,
  /** The subscriber holds the publication before, so that a patch can be applied. */
  deltaBase: 64,
  /** Whether others are told about this subscriber. */
  announced: 128,
  /** The client refreshes the subscription with a token; else the application's hook is asked. */
  clientRefresh: 256,
} as const;

/** What only some subscriptions have. */
export interface SubscriptionExtra {
  info?: Payload;
  filter?: TagsFilter;
  /** Unix milliseconds. */
  expireAtMs?: number;
  refreshing?: boolean;
}

export class Subscription {
  readonly channel: HubChannel;
  readonly recipient: Recipient;
  /** Told when the channel can no longer vouch for completeness. */
  readonly owner: SubscriptionOwner;
  flags: number;
  /** Position in `channel.subscribers`; -1: not there. */
  index = -1;
  /** Live publications up to this offset were already part of the subscribe result. */
  startOffset = 0;
  /** Publications that arrived before the subscribe result went out; undefined once live. */
  buffer: Publication[] | undefined = [];
  extra: SubscriptionExtra | undefined;

  constructor(channel: HubChannel, recipient: Recipient, owner: SubscriptionOwner, flags: number) {
    this.channel = channel;
    this.recipient = recipient;
    this.owner = owner;
    this.flags = flags;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  set(flag: number, on: boolean): void {
    this.flags = on ? this.flags | flag : this.flags & ~flag;
  }
}

export interface SubscriptionOwner {
  /** The stream has a gap: the subscription must start over from its last position. Must not throw. */
  insufficientState(subscription: Subscription): void;
}
