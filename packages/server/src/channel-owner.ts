/**
 * Channels that a module owns. The module says who may do what there, and may keep the history itself. Nothing else
 * grants anything on them: no option, no name behind `#`, no token, no hook, and not the server API.
 */
import type { Action, Actor, OwnerDecision } from './auth/authorizer.ts';
import type { HistoryReader } from './brokers/broker.ts';
import type { Client } from './client.ts';
import type { Core } from './core.ts';
import { actorOf } from './authorize.ts';
import { subscriptionFlags as flags, type Subscription } from './hub/subscription.ts';

/** What a module says about the channels of one of its patterns. */
export interface ChannelOwner {
  /** Name of the module. */
  readonly module: string;
  /** Law: as of now; what changes the answer later is told by `Permissions.reconsider`. A throw is no answer: the client may ask again. */
  decide(
    who: Actor,
    action: Action,
    variables: Readonly<Record<string, string>>,
  ): OwnerDecision | Promise<OwnerDecision>;
  /** Where history and recovery read from instead of the broker. */
  readonly history: HistoryReader | undefined;
  /** A client was subscribed, or left; after the fact, and in pairs. Never throws. */
  onSubscription(who: Actor, variables: Readonly<Record<string, string>>, subscribed: boolean): void;
}

/** The owner of a channel, if a module owns it. */
export function ownerOf(
  { owners, channels }: Pick<Core, 'owners' | 'channels'>,
  channel: string,
): ChannelOwner | undefined {
  if (owners.size === 0) return undefined;
  const resolved = channels.find(channel);
  return resolved && owners.get(resolved.pattern);
}

/** Where the history of a channel is read. */
export function historyOf(core: Pick<Core, 'owners' | 'channels' | 'broker'>, channel: string): HistoryReader {
  return ownerOf(core, channel)?.history ?? core.broker.history;
}

/** Tells the owner of the channel that a subscription went live. */
export function announceToOwner(core: Core, client: Client, subscription: Subscription): void {
  const { name } = subscription.channel;
  const owner = ownerOf(core, name);
  if (!owner) return;
  subscription.set(flags.told, true);
  owner.onSubscription(actorOf(client, name), core.channels.find(name)?.variables ?? {}, true);
}

/** Tells the owner that a subscription ended, if it was told of its beginning. */
export function takeLeaveOfOwner(core: Core, client: Client, subscription: Subscription): void {
  if (!subscription.has(flags.told)) return;
  subscription.set(flags.told, false);
  const { name } = subscription.channel;
  ownerOf(core, name)?.onSubscription(actorOf(client, name), core.channels.find(name)?.variables ?? {}, false);
}
