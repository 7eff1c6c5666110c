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
  /** The option `allow.subscribe` let the client in: no token, no hook, not the server. */
  allowed: 512,
  /** A rule no longer allowed it. */
  lost: 1024,
  /** Nobody could say at that moment whether a rule still allowed it. */
  unknown: 2048,
  /** The module that owns the channel was told of it. */
  told: 4096,
} as const;

/** Whether a rule lets a subscriber have a publication; undefined: nobody can say at present. Never throws. */
export type PublicationFilter = (publication: Publication) => boolean | undefined;

/** What only some subscriptions have. */
export interface SubscriptionExtra {
  info?: Payload;
  /** What the client asked for. */
  filter?: TagsFilter;
  /** What a rule lets it have. */
  receive?: PublicationFilter;
  /** What it is given instead of all publications: text of a JSON value. */
  only?: string | undefined;
  /** Unix milliseconds. */
  expireAtMs?: number;
  refreshing?: boolean;
  /** What token, hook or server said about presence and joins, whatever rules say. */
  override?: { readonly presence?: boolean; readonly joinLeave?: boolean };
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

  /** Whether this subscriber may have the publication, and asked for it; undefined: nobody can say at present. */
  takes(publication: Publication): boolean | undefined {
    const { extra } = this;
    if (extra === undefined) return true;
    if (extra.filter !== undefined && !extra.filter(publication.tags)) return false;
    return extra.receive === undefined || extra.receive(publication);
  }

  set(flag: number, on: boolean): void {
    this.flags = on ? this.flags | flag : this.flags & ~flag;
  }
}

export interface SubscriptionOwner {
  /** A publication is missing: the subscription must start over from its last position. Must not throw. */
  insufficientState(subscription: Subscription): void;
}
